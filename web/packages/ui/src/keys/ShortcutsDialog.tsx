import { Kbd, Switch } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { useState } from 'react';
import { Dialog } from '../overlay/Dialog';
import { setPrefs, usePrefs } from '../provider/prefs';
import { useActiveShortcuts, useShortcuts, type Shortcut } from './keys';
import classes from './keys.module.css';

const mac = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.platform);

/** `mod+Enter` as keys to look at. */
export function Keys({ keys }: { keys: string }) {
  return (
    <span className={classes.keys} dir="ltr">
      {keys.split(' ').map((part, at) => (
        <span key={part + at}>
          {part.split('+').map((key) => (
            <Kbd key={key} size="xs">
              {key === 'mod' ? (mac ? '⌘' : 'Ctrl') : key.length === 1 ? key.toUpperCase() : key}
            </Kbd>
          ))}
        </span>
      ))}
    </span>
  );
}

/** Lists what the present screen listens to, under "?"; single keys can be switched off there. */
export function ShortcutsDialog() {
  const { t } = useTranslation('common');
  const [opened, setOpened] = useState(false);
  const { shortcuts } = usePrefs();
  const all = useActiveShortcuts();
  useShortcuts([{ keys: '?', label: t('keys.list'), group: t('keys.general'), run: () => setOpened(true) }]);
  const groups = new Map<string, Shortcut[]>();
  for (const each of all) {
    const name = each.group ?? t('keys.screen');
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  return (
    <Dialog opened={opened} onClose={() => setOpened(false)} title={t('keys.title')}>
      <Switch checked={shortcuts} onChange={(e) => setPrefs({ shortcuts: e.currentTarget.checked })} label={t('keys.switch')} description={t('keys.switch_text')} />
      {[...groups].map(([name, list]) => (
        <section key={name}>
          <h3>{name}</h3>
          <dl className={classes.list}>
            {list.map((s) => (
              <div key={s.keys}>
                <dt>{s.label}</dt>
                <dd>
                  <Keys keys={s.keys} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
