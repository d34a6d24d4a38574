import { Stack } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, DataTable, Money, Page, StatusChip, statusText, When, type Column } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';

type Statement = Row<'/api/v1/me/partner/statements'>;
type Payout = Row<'/api/v1/me/partner/payouts'>;

/** Closed statements, which never change, and what was paid. */
export function StatementsPage() {
  const { t } = useTranslation('partner');
  const go = useNavigate();
  const list = useCursorPages('/api/v1/me/partner/statements', { query: { limit: 24 } });
  const payouts = useCursorPages('/api/v1/me/partner/payouts', { query: { limit: 24 } });
  const columns = useMemo<readonly Column<Statement>[]>(
    () => [
      { id: 'number', header: t('statement.number'), width: 110, fixed: true, cell: (s) => s.number },
      { id: 'period', header: t('statement.period'), width: 260, cell: (s) => <><When us={s.period_from_us} as="date" /> – <When us={s.period_to_us - 1} as="date" /></> },
      { id: 'lines', header: t('statement.lines'), width: 150, align: 'number', cell: (s) => <Money value={{ minor: s.lines_minor, currency: s.currency }} /> },
      { id: 'adjust', header: t('statement.adjustments'), width: 150, align: 'number', cell: (s) => <Money value={{ minor: s.adjustments_minor, currency: s.currency }} /> },
      { id: 'closing', header: t('statement.closing'), width: 150, align: 'number', card: 'side', cell: (s) => <Money value={{ minor: s.closing_minor, currency: s.currency }} /> },
      { id: 'closed', header: t('statement.closed'), width: 150, cell: (s) => <When us={s.closed_at_us} /> },
    ],
    [t],
  );
  const paid = useMemo<readonly Column<Payout>[]>(
    () => [
      { id: 'at', header: t('payout.at'), width: 150, fixed: true, cell: (p) => <When us={p.prepared_at_us} /> },
      { id: 'amount', header: t('payout.amount'), width: 150, align: 'number', cell: (p) => <Money value={{ minor: p.minor, currency: p.currency }} /> },
      { id: 'state', header: t('payout.state'), width: 150, card: 'side', cell: (p) => <StatusChip kind="payout" value={p.state} /> },
      { id: 'method', header: t('payout.method'), width: 150, cell: (p) => statusText('payout_method', p.method) },
      { id: 'paid', header: t('payout.paid'), width: 150, cell: (p) => <When us={p.paid_at_us} /> },
      { id: 'ref', header: t('payout.reference'), width: 170, cell: (p) => (p.reference ? <CopyId id={p.reference} /> : '–') },
    ],
    [t],
  );
  return (
    <Page title={t('nav.statements')} text={t('statement.text')}>
      <Stack>
        <Card title={t('statement.title')} flush>
          <DataTable id="statements" inline label={t('statement.title')} columns={columns} rows={list.rows} rowId={(s) => s.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(s) => void go({ to: `/statements/${s.id}` as never })} empty={{ title: t('statement.none'), text: t('statement.noneText') }} />
        </Card>
        <Card title={t('payout.title')} flush>
          <DataTable id="payouts" inline label={t('payout.title')} columns={paid} rows={payouts.rows} rowId={(p) => p.id} loading={payouts.isPending} error={payouts.error} onRetry={() => void payouts.refetch()} more={payouts.more} hasMore={payouts.hasMore} loadingMore={payouts.loadingMore} empty={{ title: t('payout.none') }} />
        </Card>
      </Stack>
    </Page>
  );
}
