import { Button } from '@mantine/core';
import { useCursorPages, useWrite, type Row } from '@qd/api';
import { plain, useTranslation } from '@qd/i18n';
import { Card, CopyId, DataTable, errorText, Notice, say, Value, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';

type DeadJob = Row<'/api/v1/jobs/dead'>;

/** Jobs that ran out of attempts: why, and a retry that cannot do anything twice. */
export function DeadJobs() {
  const { t } = useTranslation('office-connections');
  const may = useCan('jobs.retry');
  const list = useCursorPages('/api/v1/jobs/dead', { query: { limit: 20 } });
  const retry = useWrite('post', '/api/v1/jobs/{id}/retry');
  const [failed, setFailed] = useState<unknown>(null);
  const columns = useMemo<readonly Column<DeadJob>[]>(
    () => [
      { id: 'kind', header: t('job.kind'), width: 220, fixed: true, cell: (r) => plain(r.kind.replaceAll('.', ' ')) },
      { id: 'died', header: t('dead.died'), width: 150, cell: (r) => <When us={r.died_at_us} /> },
      { id: 'attempts', header: t('dead.attempts'), width: 110, align: 'number', cell: (r) => r.attempts },
      { id: 'why', header: t('dead.why'), width: 340, cell: (r) => <bdi dir="auto"><Value>{r.problem_detail ?? r.problem_code}</Value></bdi> },
      { id: 'id', header: t('dead.id'), width: 130, cell: (r) => <CopyId id={r.id} /> },
      {
        id: 'retry',
        header: t('dead.action'),
        width: 130,
        cell: (r) =>
          may ? (
            <Button
              size="compact-sm"
              variant="default"
              loading={retry.busy}
              onClick={async (e) => {
                e.stopPropagation();
                try {
                  await retry.run({ path: { id: r.id } });
                  setFailed(null);
                  say(t('dead.done'));
                  void list.refetch();
                } catch (error) {
                  setFailed(error);
                }
              }}
            >
              {t('dead.retry')}
            </Button>
          ) : null,
      },
    ],
    // `retry` and `list` are new each time; the columns only need their functions.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [t, may, retry.busy],
  );
  return (
    <Card title={t('dead.title')} flush>
      {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <DataTable
        id="dead-jobs"
        inline
        label={t('dead.title')}
        columns={columns}
        rows={list.rows}
        rowId={(r) => r.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        empty={{ kind: 'done', title: t('dead.empty'), text: t('dead.safe') }}
      />
    </Card>
  );
}
