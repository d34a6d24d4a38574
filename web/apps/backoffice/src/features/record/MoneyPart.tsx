import { Stack } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, Money as Amount, StatusChip, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { ClientRecord } from './Overview';

type Deposit = Row<'/api/v1/deposits'>;
type Withdrawal = Row<'/api/v1/withdrawals'>;

/** What came in and what went out, each with where it stands. */
export function Money({ id }: { id: string; record: ClientRecord }) {
  const mayOut = useCan('withdrawals.view');
  return (
    <Stack>
      <Deposits id={id} />
      {mayOut && <Withdrawals id={id} />}
    </Stack>
  );
}

function Deposits({ id }: { id: string }) {
  const { t } = useTranslation('office-record');
  const go = useNavigate();
  const list = useCursorPages('/api/v1/deposits', { query: { client_id: id, limit: 20 } });
  const columns = useMemo<readonly Column<Deposit>[]>(
    () => [
      { id: 'at', header: t('col.at'), width: 150, fixed: true, cell: (d) => <When us={d.created_at_us} /> },
      { id: 'amount', header: t('col.amount'), width: 150, align: 'number', cell: (d) => <Amount value={d.amount} /> },
      { id: 'state', header: t('col.state'), width: 180, card: 'side', cell: (d) => <StatusChip kind="deposit" value={d.state} /> },
      { id: 'method', header: t('col.method'), width: 140, cell: (d) => d.method },
      { id: 'psp', header: t('psp'), width: 140, cell: (d) => <bdi>{d.connection}</bdi> },
    ],
    [t],
  );
  return (
    <Card title={t('money.deposits')} flush>
      <DataTable id="record-deposits" inline label={t('money.deposits')} columns={columns} rows={list.rows} rowId={(d) => d.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(d) => void go({ to: `/deposits/${d.id}` as never })} empty={{ title: t('money.noDeposits') }} />
    </Card>
  );
}

function Withdrawals({ id }: { id: string }) {
  const { t } = useTranslation('office-record');
  const go = useNavigate();
  const list = useCursorPages('/api/v1/withdrawals', { query: { client_id: id, limit: 20 } });
  const columns = useMemo<readonly Column<Withdrawal>[]>(
    () => [
      { id: 'at', header: t('col.at'), width: 150, fixed: true, cell: (w) => <When us={w.requested_at_us} /> },
      { id: 'amount', header: t('col.amount'), width: 150, align: 'number', cell: (w) => <Amount value={w.amount} /> },
      { id: 'state', header: t('col.state'), width: 180, card: 'side', cell: (w) => <StatusChip kind="withdrawal" value={w.state} /> },
      { id: 'paid', header: t('col.paid'), width: 150, cell: (w) => <When us={w.paid_at_us} /> },
    ],
    [t],
  );
  return (
    <Card title={t('money.withdrawals')} flush>
      <DataTable id="record-withdrawals" inline label={t('money.withdrawals')} columns={columns} rows={list.rows} rowId={(w) => w.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(w) => void go({ to: `/withdrawals/${w.id}` as never })} empty={{ title: t('money.noWithdrawals') }} />
    </Card>
  );
}
