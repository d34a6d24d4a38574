import { Skeleton } from '@mantine/core';
import { useApiQuery, type components } from '@qd/api';
import { duration, number, useTranslation } from '@qd/i18n';
import { Card, DataTable, ErrorState, Page, StatusChip, When, type Column } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Build, stateOf } from './Build';

type Server = components['schemas']['TradingServerHealth'];

/** Every trading server: does it answer, was its build tested, does it differ from what we have. */
export function ServersPage() {
  const { t, i18n } = useTranslation('office-servers');
  const lang = i18n.language;
  const navigate = useNavigate();
  const all = useApiQuery('/api/v1/connections', {});
  const drift = useApiQuery('/api/v1/trading/drift', { query: { open: true, limit: 1 } });
  const columns = useMemo<readonly Column<Server>[]>(() => {
    const run = (s: Server) => drift.data?.runs.find((r) => r.server === s.server.id);
    const figure = (value: number | undefined) => (value === undefined ? <span className="qd-muted">–</span> : number(lang, value));
    return [
      { id: 'id', header: t('server'), width: 200, fixed: true, cell: (s) => <bdi>{s.server.id}</bdi> },
      { id: 'state', header: t('state'), width: 130, card: 'side', cell: (s) => <StatusChip kind="connection" value={stateOf(s.server)} /> },
      { id: 'kind', header: t('kind'), width: 170, cell: (s) => t(s.server.kind === 'demo' ? 'demoServer' : 'liveServer', { platform: s.server.platform.toUpperCase() }) },
      { id: 'entity', header: t('entity'), width: 90, cell: (s) => <bdi>{s.server.entity.toUpperCase()}</bdi> },
      { id: 'build', header: t('build'), width: 220, cell: (s) => <Build of={s.server} /> },
      { id: 'compared', header: t('compared'), width: 160, cell: (s) => <When us={run(s)?.ended_at_us} /> },
      { id: 'differs', header: t('differs'), width: 130, align: 'number', cell: (s) => figure(run(s)?.differs) },
      { id: 'repaired', header: t('repaired'), width: 120, align: 'number', cell: (s) => figure(run(s)?.repaired) },
      { id: 'unmapped', header: t('unmapped'), width: 150, align: 'number', cell: (s) => figure(run(s)?.unmapped) },
      { id: 'lag', header: t('lag'), width: 150, cell: (s) => (s.feed ? duration(lang, Math.max(0, Math.round(s.feed.lag_us / 1_000_000))) : <span className="qd-muted">–</span>) },
      { id: 'ok', header: t('lastOk'), width: 160, cell: (s) => <When us={s.server.last_ok_at_us} /> },
    ];
  }, [t, lang, drift.data]);
  return (
    <Page title={t('title')} text={t('text')}>
      {all.error && !all.data ? (
        <ErrorState error={all.error} onRetry={() => void all.refetch()} />
      ) : !all.data ? (
        <Skeleton height={200} />
      ) : (
        <Card flush>
          <DataTable
            id="trading-servers"
            inline
            label={t('title')}
            columns={columns}
            rows={all.data.servers}
            rowId={(s) => s.server.id}
            onOpen={(s) => void navigate({ to: `/trading-servers/${s.server.id}` as never })}
            empty={{ title: t('none'), text: t('noneText') }}
          />
        </Card>
      )}
    </Page>
  );
}
