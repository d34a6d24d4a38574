import { createSpotlight, Spotlight, useSpotlight } from '@mantine/spotlight';
import '@mantine/spotlight/styles.css';
import { useTranslation } from '@qd/i18n';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { useShortcuts } from './keys';

export interface PaletteItem {
  id: string;
  label: ReactNode;
  /** What is searched besides: words in other languages, ids. */
  words?: string;
  text?: ReactNode;
  icon?: ReactNode;
  run: () => void;
}

export interface PaletteGroup {
  name: string;
  items: readonly PaletteItem[];
  /** Already found by the server: not filtered again. */
  found?: boolean;
}

export interface PaletteProps {
  groups: readonly PaletteGroup[];
  onQuery?: (query: string) => void;
  searching?: boolean;
}

const [store, actions] = createSpotlight();
export const openPalette = (): void => actions.open();

/** Listens from the first moment; the palette itself may still be on its way and opens when it is there. */
export function usePaletteKeys(enabled: boolean): void {
  const { t } = useTranslation('common');
  useShortcuts([
    { keys: 'mod+k', label: t('palette.open'), group: t('keys.general'), anywhere: true, enabled, run: () => actions.toggle() },
    { keys: '/', label: t('palette.open'), group: t('keys.general'), enabled, run: () => actions.open() },
  ]);
}

/** Ctrl+K: finds records and runs actions. */
export function Palette({ groups, onQuery, searching }: PaletteProps) {
  const { t } = useTranslation('common');
  const [query, setQuery] = useState('');
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (item: PaletteItem) => {
    const text = `${typeof item.label === 'string' ? item.label : ''} ${item.words ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const shown = groups.map((g) => ({ ...g, items: g.found ? g.items : g.items.filter(matches).slice(0, 8) })).filter((g) => g.items.length > 0);
  // What is found first is what Enter opens; Spotlight itself marks nothing until an arrow key is pressed.
  const first = shown[0]?.items[0]?.id;
  const { opened } = useSpotlight(store);
  useEffect(() => {
    if (!opened || first === undefined) return;
    const frame = requestAnimationFrame(() => {
      const state = store.getState();
      const list = document.getElementById(state.listId);
      for (const old of list?.querySelectorAll('[data-selected]') ?? []) old.removeAttribute('data-selected');
      list?.querySelector('[data-action]')?.setAttribute('data-selected', 'true');
      store.setState({ ...state, selected: 0 });
    });
    return () => cancelAnimationFrame(frame);
  }, [opened, first, query]);

  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={(next) => {
        setQuery(next);
        onQuery?.(next);
      }}
      shortcut={null}
      clearQueryOnClose
      scrollable
      maxHeight="70vh"
      attributes={{ content: { 'aria-label': t('palette.open') } }}
    >
      <Spotlight.Search placeholder={t('palette.placeholder')} aria-label={t('palette.placeholder')} leftSection={<IconSearch size={18} aria-hidden />} />
      <Spotlight.ActionsList>
        {shown.map((group) => (
          <Spotlight.ActionsGroup key={group.name} label={group.name}>
            {group.items.map((item) => (
              <Spotlight.Action key={item.id} onClick={item.run} leftSection={item.icon}>
                <span>
                  {item.label}
                  {item.text ? <span className="qd-muted"> · {item.text}</span> : null}
                </span>
              </Spotlight.Action>
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {shown.length === 0 && <Spotlight.Empty>{searching ? t('palette.searching') : query ? t('palette.nothing') : t('palette.hint')}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
