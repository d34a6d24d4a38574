import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, CopyId, DataTable, FilterBar, Money, Page, SavedViews, StatusChip, statusText, useFilters, usePeek, When, type Column, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Named, useNames } from '../../lib/names';
import { DepositPeek } from './DepositFile';
import { codeText, methodText } from './words';

export type Deposit = Row<'/api/v1/deposits'>;

const STATES = ['created', 'redirected', 'pending', 'held', 'succeeded', 'posted', 'failed', 'expired', 'cancelled', 'refunding', 'refunded'] as const;

/** All deposits, the newest first, with the provider's word for what failed. */
export function DepositsPage() {
  const { t } = useTranslation('office-money');
  const navigate = useNavigate();
  const connections = useApiQuery('/api/v1/connections', useCan('connections.view') ? {} : null);
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'state', label: t('state'), pinned: true, options: STATES.map((value) => ({ value, label: statusText('deposit', value) })) },
      { kind: 'choice', name: 'connection', label: t('d.connection'), pinned: true, options: (connections.data?.psps ?? []).map((c) => ({ value: c.id, label: c.id })) },
    ],
    [t, connections.data],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/deposits', { query: { connection: values.connection, state: STATES.find((s) => s === values.state), limit: 50 } });
  const name = useNames(useMemo(() => list.rows.flatMap((d) => [d.client_id, d.account_id]), [list.rows]));
  const columns = useMemo<readonly Column<Deposit>[]>(
    () => [
      { id: 'client', header: t('client'), width: 200, fixed: true, cell: (d) => <Named id={d.client_id} name={name(d.client_id)} /> },
      { id: 'amount', header: t('amount'), width: 140, align: 'number', card: 'side', cell: (d) => <Money value={d.amount} /> },
      { id: 'state', header: t('state'), width: 190, cell: (d) => <StatusChip kind="deposit" value={d.state} /> },
      { id: 'why', header: t('d.why'), width: 210, cell: (d) => codeText(d.failure_code ?? d.held_reason) ?? <span className="qd-muted">–</span> },
      { id: 'method', header: t('d.method'), width: 170, cell: (d) => methodText(d) },
      { id: 'connection', header: t('d.connection'), width: 130, cell: (d) => <bdi>{d.connection}</bdi> },
      { id: 'first', header: t('d.first'), width: 110, cell: (d) => (d.first_deposit ? <Chip tone="info" size="sm" label={t('d.firstShort')} /> : null) },
      { id: 'dispute', header: t('d.dispute'), width: 140, hidden: true, cell: (d) => (d.dispute_state ? <StatusChip kind="dispute" value={d.dispute_state} /> : null) },
      { id: 'account', header: t('d.toAccount'), width: 130, cell: (d) => (d.account_id ? <Named id={d.account_id} name={name(d.account_id)} /> : t('wallet')) },
      { id: 'created', header: t('d.created'), width: 150, cell: (d) => <When us={d.created_at_us} /> },
      { id: 'posted', header: t('d.posted'), width: 150, hidden: true, cell: (d) => <When us={d.posted_at_us} /> },
      { id: 'ref', header: t('providerRef'), width: 170, hidden: true, cell: (d) => (d.provider_ref ? <CopyId id={d.provider_ref} /> : null) },
      { id: 'id', header: t('id'), width: 130, hidden: true, cell: (d) => <CopyId id={d.id} /> },
    ],
    [t, name],
  );
  const ids = useMemo(() => list.rows.map((d) => d.id), [list.rows]);
  const peek = usePeek(ids);
  return (
    <Page title={t('d.title')} fill>
      <DataTable
        id="deposits"
        label={t('d.title')}
        columns={columns}
        rows={list.rows}
        rowId={(d) => d.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        onOpen={(d) => peek.open(d.id)}
        opened={peek.id}
        filtered={active}
        onResetFilters={reset}
        rowTone={(d) => (d.state === 'held' ? 'warn' : undefined)}
        empty={{ title: t('d.empty'), text: t('d.emptyText') }}
        toolbar={<FilterBar filters={filters} before={<SavedViews list="deposits" />} />}
      />
      <DepositPeek id={peek.id} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} onFullPage={() => peek.id && void navigate({ to: `/deposits/${peek.id}` as never })} />
    </Page>
  );
}
