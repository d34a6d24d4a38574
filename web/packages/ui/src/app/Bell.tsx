import { ActionIcon, Button, Popover, ScrollArea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useApiQuery, useWrite, type Row } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { IconBell } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { moneyText, type MoneyValue } from '../show/amount';
import { When } from '../show/When';
import { EmptyState } from '../state/EmptyState';
import { ErrorState } from '../state/ErrorState';
import classes from './Bell.module.css';

export type Note = Row<'/api/v1/me/notifications'>;

/** A notification's sentence; amounts among its values are formatted here. */
export function noteText(lang: string, note: Note): string {
  const values = Object.fromEntries(
    Object.entries((note.data ?? {}) as Record<string, unknown>).map(([key, value]) => {
      const money = value as Partial<MoneyValue> | null;
      const isMoney = money !== null && typeof money === 'object' && 'minor' in money && 'currency' in money;
      return [key, isMoney ? moneyText(lang, money as MoneyValue) : key === 'state' ? serverText('status', `withdrawal_client.${String(value)}`) : value];
    }),
  );
  return serverText('shared', note.title_key, values);
}

/** Says what came in while the page was open; what was there before is the bell's alone. */
function useNews(items: readonly Note[] | undefined, open: (note: Note) => void) {
  const { t, i18n } = useTranslation('common');
  const newest = useRef<number | null>(null);
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    if (!items) return;
    const since = newest.current;
    newest.current = Math.max(since ?? 0, ...items.map((n) => n.created_at_us));
    if (since === null) return;
    const news = items.filter((n) => n.created_at_us > since && !n.read_at_us);
    // Many at once (a file of leads) would bury the page: the first three speak, the bell counts all.
    for (const note of news.slice(0, 3).reverse()) {
      notifications.show({
        id: note.id,
        color: 'brand',
        autoClose: 10_000,
        closeButtonProps: { 'aria-label': t('close') },
        message: (
          <span className={classes.news}>
            <span>{noteText(i18n.language, note)}</span>
            {note.object && (
              <Button
                size="compact-sm"
                variant="light"
                onClick={() => {
                  notifications.hide(note.id);
                  latest.current(note);
                }}
              >
                {t('open')}
              </Button>
            )}
          </span>
        ),
      });
    }
  }, [items, t, i18n.language]);
}

/** What happened that concerns me: the last ones, unread first seen. */
export function Bell({ open, announce }: { open: (note: Note) => void; announce?: boolean }) {
  const { t, i18n } = useTranslation(['common', 'status']);
  const [shown, setShown] = useState(false);
  const notes = useApiQuery('/api/v1/me/notifications', { query: { limit: 20 } });
  const readAll = useWrite('post', '/api/v1/me/notifications/read', { touches: ['notification'] });
  const readOne = useWrite('post', '/api/v1/me/notifications/{id}/read', { touches: ['notification'] });
  const answer = notes.data;
  const unread = answer?.unread ?? 0;
  useNews(announce ? answer?.items : undefined, (note) => {
    if (!note.read_at_us) readOne.submit({ path: { id: note.id } });
    open(note);
  });
  return (
    <Popover opened={shown} onChange={setShown} position="bottom-end" shadow="md" width={380} trapFocus>
      <Popover.Target>
        <ActionIcon className={classes.bell} variant="subtle" color="gray" size="lg" aria-label={t('common:bell.label', { count: unread })} onClick={() => setShown(!shown)}>
          <IconBell size={20} stroke={1.7} aria-hidden />
          {unread > 0 && (
            <span className={classes.count} aria-hidden>
              {unread > 99 ? '99+' : unread}
            </span>
          )}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className={classes.drop}>
        <div className={classes.head}>
          <h2>{t('common:bell.title')}</h2>
          {unread > 0 && (
            <Button size="compact-xs" variant="subtle" loading={readAll.busy} onClick={() => readAll.submit()}>
              {t('common:bell.read_all')}
            </Button>
          )}
        </div>
        {notes.error && !answer ? (
          <ErrorState error={notes.error} onRetry={() => void notes.refetch()} />
        ) : answer && answer.items.length === 0 ? (
          <EmptyState kind="done" title={t('common:bell.none')} />
        ) : (
          <ScrollArea.Autosize mah="60vh">
            <ul className={classes.list}>
              {answer?.items.map((note) => (
                <li key={note.id}>
                  <button
                    type="button"
                    className={classes.note}
                    data-unread={!note.read_at_us || undefined}
                    onClick={() => {
                      if (!note.read_at_us) readOne.submit({ path: { id: note.id } });
                      setShown(false);
                      open(note);
                    }}
                  >
                    <span>{noteText(i18n.language, note)}</span>
                    <span className={classes.at}>
                      <When us={note.created_at_us} />
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          </ScrollArea.Autosize>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
