import { Anchor, Button } from '@mantine/core';
import { useCursorPages, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, DataTable, errorText, FilterBar, Notice, Page, ReasonDialog, say, useFilters, useNow, When, type Column, type Filter } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';

type Task = Row<'/api/v1/tasks'>;
const idOf = (row: Task) => row.id;

/** The agenda: open tasks, the soonest first; late ones are marked. */
export function TasksPage() {
  const { t } = useTranslation('office-clients');
  const { me } = useSession();
  const now = useNow();
  const filters = useMemo<readonly Filter[]>(() => [{ kind: 'flag', name: 'everybody', label: t('task.everybody'), pinned: true }], [t]);
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/tasks', { query: { owner_id: values.everybody ? undefined : me.id, limit: 50 } });
  const change = useWrite('patch', '/api/v1/tasks/{id}');
  const [closing, setClosing] = useState<Task | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const columns = useMemo<readonly Column<Task>[]>(
    () => [
      { id: 'title', header: t('task.title'), width: 320, fixed: true, cell: (r) => <span dir="auto">{r.title}</span> },
      { id: 'due', header: t('task.due'), width: 200, card: 'side', cell: (r) => <>{r.due_at_us < now * 1000 && <Chip tone="bad" label={t('task.late')} />} <When us={r.due_at_us} /></> },
      { id: 'client', header: t('task.client'), width: 200, cell: (r) => <Anchor component={Link} to={`/clients/${r.client_id}` as never} onClick={(e) => e.stopPropagation()}>{(r as { client_name?: string }).client_name ?? t('task.openClient')}</Anchor> },
      { id: 'by', header: t('task.by'), width: 170, cell: (r) => <bdi>{r.created_by}</bdi> },
      { id: 'close', header: t('task.close'), width: 130, cell: (r) => <Button size="compact-sm" variant="default" onClick={(e) => { e.stopPropagation(); setClosing(r); }}>{t('task.done')}</Button> },
    ],
    [t, now],
  );
  return (
    <Page title={t('task.agenda')} fill>
      {failed !== null && closing === null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <DataTable
        id="tasks"
        label={t('task.agenda')}
        columns={columns}
        rows={list.rows}
        rowId={idOf}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        onOpen={setClosing}
        filtered={active}
        onResetFilters={reset}
        rowTone={(r) => (r.due_at_us < now * 1000 ? 'warn' : undefined)}
        empty={{ kind: 'done', title: t('task.none'), text: t('task.noneText') }}
        toolbar={<FilterBar filters={filters} />}
      />
      <ReasonDialog
        opened={closing !== null}
        onClose={() => setClosing(null)}
        title={t('task.closeTitle', { title: closing?.title ?? '' })}
        text={t('task.closeText')}
        confirm={t('task.done')}
        note="required"
        busy={change.busy}
        error={failed}
        onConfirm={({ note }) => {
          if (!closing) return;
          change.run({ path: { id: closing.id }, body: { done: note, version: closing.version } }).then(
            () => {
              setClosing(null);
              setFailed(null);
              say(t('task.closed'));
              void list.refetch();
            },
            (e: unknown) => setFailed(e),
          );
        }}
      />
    </Page>
  );
}
