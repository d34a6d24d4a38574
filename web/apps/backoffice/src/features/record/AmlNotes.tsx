import { Button, Stack } from '@mantine/core';
import { useCursorPages } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, ErrorState, Notice, When } from '@qd/ui';
import { IconLock } from '@tabler/icons-react';
import classes from './record.module.css';

/** Notes for compliance alone. Who may not read them learns nowhere that there are any. */
export function AmlNotes({ id, onAdd }: { id: string; onAdd?: () => void }) {
  const { t } = useTranslation('office-record');
  const notes = useCursorPages('/api/v1/clients/{id}/notes', { path: { id }, query: { limit: 100 } });
  const rows = notes.rows.filter((n) => n.kind === 'aml');
  return (
    <Card title={t('amlCard.title')} actions={onAdd && <Button size="compact-sm" variant="default" onClick={onAdd}>{t('amlCard.add')}</Button>}>
      <Stack gap="sm">
        <p className="qd-muted" style={{ margin: 0 }}><IconLock size={14} aria-hidden /> {t('amlWho')}</p>
        {notes.error && notes.rows.length === 0 ? (
          <ErrorState error={notes.error} onRetry={() => void notes.refetch()} />
        ) : rows.length === 0 ? (
          <p className="qd-muted">{t('amlCard.none')}</p>
        ) : (
          <ul className={classes.dups}>
            {rows.map((n) => (
              <li key={n.id}>
                <span dir="auto" className={classes.words}>{n.body}</span>
                <p className="qd-muted"><bdi>{n.by_name}</bdi> · <When us={n.at_us} as="full" /></p>
              </li>
            ))}
          </ul>
        )}
        {notes.hasMore && <Notice tone="info"><Button size="compact-sm" variant="default" loading={notes.loadingMore} onClick={() => notes.more()}>{t('story.more')}</Button></Notice>}
      </Stack>
    </Card>
  );
}
