import { ActionIcon, Button, Checkbox, CloseButton, Loader, Menu, Popover, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useTranslation } from '@qd/i18n';
import { IconFilterPlus, IconSearch } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { useSearchState, type SearchState } from './useSearchState';
import classes from './FilterBar.module.css';

const DateSpan = lazy(() => import('../form/DateSpan'));

export type Filter =
  /** Free text, as typed. */
  | { kind: 'text'; name: string; label: string; pinned?: boolean; placeholder?: string }
  | { kind: 'choice'; name: string; label: string; options: readonly { value: string; label: string }[]; pinned?: boolean }
  /** `true` or not there. */
  | { kind: 'flag'; name: string; label: string; pinned?: boolean }
  /** Two parameters in microseconds: `<name>_from_us`, `<name>_until_us`. */
  | { kind: 'dates'; name: string; label: string; pinned?: boolean };

export interface FilterBarProps {
  filters: readonly Filter[];
  /** Saved views, a tab strip: stands in front. */
  before?: ReactNode;
  after?: ReactNode;
}

const namesOf = (filter: Filter): string[] => (filter.kind === 'dates' ? [`${filter.name}_from_us`, `${filter.name}_until_us`] : [filter.name]);

/** What of the address is a filter of this list, for the query and for "no match". */
export function useFilters(filters: readonly Filter[]): { values: SearchState; active: boolean; reset: () => void } {
  const [search, set] = useSearchState();
  const names = filters.flatMap(namesOf);
  const values = Object.fromEntries(names.filter((n) => search[n]).map((n) => [n, search[n] as string]));
  return { values, active: Object.keys(values).length > 0, reset: () => set(Object.fromEntries(names.map((n) => [n, null]))) };
}

/** Filters of a list; their state is the address, so that a reload, Back and a sent link keep it. */
export function FilterBar({ filters, before, after }: FilterBarProps) {
  const { t } = useTranslation('common');
  const [search, set] = useSearchState();
  const [opened, setOpened] = useState<string | null>(null);
  const { active, reset } = useFilters(filters);
  const has = (f: Filter) => namesOf(f).some((n) => search[n]);
  const more = filters.filter((f) => !f.pinned && !has(f) && f.name !== opened);
  return (
    <div className={classes.bar} role="search" aria-label={t('filter.title')}>
      {before}
      {filters
        .filter((f) => f.pinned || has(f) || f.name === opened)
        .map((f) => (
          <One key={f.name} filter={f} search={search} set={set} fresh={f.name === opened} onGone={() => setOpened(null)} />
        ))}
      {more.length > 0 && (
        <Menu position="bottom-start">
          <Menu.Target>
            <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconFilterPlus size={15} aria-hidden />}>
              {t('filter.add')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {more.map((f) => (
              <Menu.Item key={f.name} onClick={() => (f.kind === 'flag' ? set({ [f.name]: 'true' }) : setOpened(f.name))}>
                {f.label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {active && (
        <Button size="compact-sm" variant="subtle" onClick={reset}>
          {t('filter.reset')}
        </Button>
      )}
      {after}
    </div>
  );
}

type Set = ReturnType<typeof useSearchState>[1];

function One({ filter, search, set, fresh, onGone }: { filter: Filter; search: SearchState; set: Set; fresh: boolean; onGone: () => void }) {
  const { t } = useTranslation('common');
  const drop = () => {
    set(Object.fromEntries(namesOf(filter).map((n) => [n, null])));
    onGone();
  };
  switch (filter.kind) {
    case 'text':
      return <TextFilter filter={filter} value={search[filter.name] ?? ''} onChange={(v) => set({ [filter.name]: v }, { replace: true })} />;
    case 'choice':
      return (
        <Select
          className={classes.select}
          size="xs"
          aria-label={filter.label}
          placeholder={filter.label}
          data={[...filter.options]}
          value={search[filter.name] ?? null}
          onChange={(v) => set({ [filter.name]: v })}
          onClear={onGone}
          clearable
          searchable={filter.options.length > 8}
          autoFocus={fresh}
          defaultDropdownOpened={fresh}
          data-on={search[filter.name] ? true : undefined}
          comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
        />
      );
    case 'flag':
      return (
        <Checkbox
          size="xs"
          className={classes.flag}
          label={filter.label}
          checked={search[filter.name] === 'true'}
          onChange={(e) => set({ [filter.name]: e.currentTarget.checked ? 'true' : null })}
        />
      );
    case 'dates': {
      const from = search[`${filter.name}_from_us`];
      const until = search[`${filter.name}_until_us`];
      return (
        <span className={classes.dates}>
          <Suspense fallback={<Loader size="xs" />}>
            <DateSpan
              label={filter.label}
              fromUs={from ? Number(from) : null}
              untilUs={until ? Number(until) : null}
              fresh={fresh}
              onChange={(a, b) => set({ [`${filter.name}_from_us`]: a === null ? null : String(a), [`${filter.name}_until_us`]: b === null ? null : String(b) })}
            />
          </Suspense>
          <CloseButton size="sm" onClick={drop} aria-label={t('filter.drop', { name: filter.label })} />
        </span>
      );
    }
  }
}

function TextFilter({ filter, value, onChange }: { filter: Filter & { kind: 'text' }; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const later = useDebouncedCallback(onChange, 250);
  return (
    <TextInput
      className={classes.text}
      size="xs"
      type="search"
      aria-label={filter.label}
      placeholder={filter.placeholder ?? filter.label}
      leftSection={<IconSearch size={14} aria-hidden />}
      value={text}
      onChange={(e) => {
        setText(e.currentTarget.value);
        later(e.currentTarget.value);
      }}
      dir="auto"
    />
  );
}

/** Filters that need more room than the bar has, behind one button. */
export function MoreFilters({ children, count }: { children: ReactNode; count: number }) {
  const { t } = useTranslation('common');
  return (
    <Popover position="bottom-start" shadow="md" trapFocus>
      <Popover.Target>
        <ActionIcon variant="default" aria-label={t('filter.more', { count })}>
          <IconFilterPlus size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>{children}</Popover.Dropdown>
    </Popover>
  );
}
