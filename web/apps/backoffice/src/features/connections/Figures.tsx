import { Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { duration, number, plain, useTranslation } from '@qd/i18n';
import { Card, Cards, DataTable, ErrorState, Figure, type Column } from '@qd/ui';
import { useMemo } from 'react';

interface JobRow {
  kind: string;
  ready: number;
  leased: number;
  dead: number;
  lag_secs: number;
}

/** The queue behind everything: how much waits, how long, and how far readers are behind the newest event. */
export function Figures() {
  const { t, i18n } = useTranslation('office-connections');
  const lang = i18n.language;
  const figures = useApiQuery('/api/v1/figures', {}, { refetchInterval: 10_000 });
  const columns = useMemo<readonly Column<JobRow>[]>(
    () => [
      { id: 'kind', header: t('job.kind'), width: 260, fixed: true, cell: (r) => plain(r.kind.replaceAll('.', ' ')) },
      { id: 'ready', header: t('job.ready'), width: 110, align: 'number', cell: (r) => number(lang, r.ready) },
      { id: 'leased', header: t('job.running'), width: 110, align: 'number', cell: (r) => number(lang, r.leased) },
      { id: 'dead', header: t('job.dead'), width: 110, align: 'number', cell: (r) => number(lang, r.dead) },
      { id: 'lag', header: t('job.waits'), width: 160, cell: (r) => (r.lag_secs > 0 ? duration(lang, r.lag_secs) : '–') },
    ],
    [t, lang],
  );
  if (figures.error && !figures.data) return <ErrorState error={figures.error} onRetry={() => void figures.refetch()} />;
  if (!figures.data) return <Skeleton height={160} />;
  const behind = Math.max(0, ...figures.data.events.subscriptions.map((s) => s.behind));
  const jobs = figures.data.jobs as readonly JobRow[];
  const sum = (pick: (j: JobRow) => number) => jobs.reduce((all, j) => all + pick(j), 0);
  return (
    <Card title={t('queue.title')} flush>
      <Cards min="9rem">
        <Figure label={t('queue.ready')} value={number(lang, sum((j) => j.ready))} />
        <Figure label={t('queue.running')} value={number(lang, sum((j) => j.leased))} />
        <Figure label={t('queue.dead')} value={number(lang, sum((j) => j.dead))} />
        <Figure label={t('queue.behind')} value={number(lang, behind)} note={t('queue.behindNote')} />
      </Cards>
      <DataTable id="job-figures" inline label={t('queue.title')} columns={columns} rows={jobs} rowId={(r) => r.kind} empty={{ kind: 'done', title: t('queue.empty') }} />
    </Card>
  );
}
