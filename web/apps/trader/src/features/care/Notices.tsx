import { Button, Skeleton } from '@mantine/core';
import { useCursorPages, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { EmptyState, ErrorState, Page, When } from '@qd/ui';
import { noteText } from '@qd/ui/app';
import { IconBell } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import classes from '../../lib/room.module.css';
import { portal } from '../../portal';

/** Everything the house told me, not just the last of it. */
export function Notices() {
  const { t, i18n } = useTranslation('trader-care');
  const notes = useCursorPages('/api/v1/me/notifications', { query: { limit: 50 } }, { live: 'refetch' });
  const readAll = useWrite('post', '/api/v1/me/notifications/read', { touches: ['notification'] });
  const readOne = useWrite('post', '/api/v1/me/notifications/{id}/read', { touches: ['notification'] });
  const unread = (notes.first as { unread?: number } | undefined)?.unread ?? 0;
  return (
    <Page
      title={t('notices.title')}
      width="text"
      actions={
        unread > 0 ? (
          <Button variant="default" loading={readAll.busy} onClick={() => readAll.submit()}>
            {t('notices.read_all')}
          </Button>
        ) : undefined
      }
    >
      {notes.error && notes.rows.length === 0 ? (
        <ErrorState error={notes.error} onRetry={() => void notes.refetch()} />
      ) : notes.isPending ? (
        <Skeleton height={160} radius="md" />
      ) : notes.rows.length === 0 ? (
        <EmptyState kind="done" title={t('notices.empty')} text={t('notices.empty_text')} />
      ) : (
        <ul className={classes.list}>
          {notes.rows.map((note) => {
            const to = note.object ? portal.addressOf?.(note.object) : null;
            const body = (
              <>
                <span className={classes.rowIcon} data-tone={note.read_at_us ? undefined : 'info'}>
                  <IconBell size={18} aria-hidden />
                </span>
                <span className={classes.rowText}>
                  <span className={classes.rowTitle}>{noteText(i18n.language, note as never)}</span>
                  <span className={classes.rowNote}>
                    <When us={note.created_at_us} />
                  </span>
                </span>
                <span className={classes.rowEnd}>{note.read_at_us ? null : <span className={classes.rowNote}>{t('notices.new')}</span>}</span>
              </>
            );
            const read = () => !note.read_at_us && readOne.submit({ path: { id: note.id } });
            return (
              <li key={note.id}>
                {to ? (
                  <Link to={to} className={classes.row} onClick={read}>
                    {body}
                  </Link>
                ) : (
                  <div className={classes.row}>{body}</div>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {notes.hasMore && (
        <Button variant="default" loading={notes.loadingMore} onClick={notes.more}>
          {t('more')}
        </Button>
      )}
    </Page>
  );
}
