import { Button } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { DataTable, Money, Page, StatusChip, statusText, useSearchState, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ListTabs } from '../../lib/ListTabs';

type Batch = Row<'/api/v1/payout-batches'>;
const states = ['prepared', 'released', 'done', 'refused'] as const;

/** Payouts that are released and sent together. */
export function BatchesPage() {
  const { t } = useTranslation(['office-engine', 'office-partners']);
  const go = useNavigate();
  const [search] = useSearchState();
  const may = useCan('payouts.prepare');
  const list = useCursorPages('/api/v1/payout-batches', { query: { limit: 50, state: search.tab || undefined } });
  const columns = useMemo<readonly Column<Batch>[]>(
    () => [
      { id: 'at', header: t('batch.preparedAt'), width: 200, fixed: true, cell: (b) => <When us={b.prepared_at_us} as="full" /> },
      { id: 'state', header: t('close.state'), width: 170, card: 'side', cell: (b) => <StatusChip kind="batch" value={b.state} /> },
      { id: 'entity', header: t('close.entity'), width: 120, cell: (b) => <bdi>{b.entity}</bdi> },
      { id: 'method', header: t('office-partners:col.method'), width: 160, cell: (b) => statusText('payout_method', b.method) },
      { id: 'items', header: t('batch.count'), width: 120, align: 'number', cell: (b) => b.items },
      { id: 'amount', header: t('batch.taken'), width: 160, align: 'number', cell: (b) => <Money value={{ minor: b.minor, currency: b.currency }} /> },
      { id: 'net', header: t('batch.leaves'), width: 160, align: 'number', cell: (b) => <Money value={{ minor: b.net_minor, currency: b.currency }} /> },
    ],
    [t],
  );
  return (
    <Page title={t('batch.title')} text={t('batch.text')} fill actions={may ? <Button component={Link} to={'/payout-batches/new' as never}>{t('batch.add')}</Button> : null} tabs={<ListTabs label={t('batch.title')} tabs={[{ value: null, label: t('all') }, ...states.map((s) => ({ value: s, label: statusText('batch', s) }))]} />}>
      <DataTable id="payout-batches" label={t('batch.title')} columns={columns} rows={list.rows} rowId={(b) => b.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(b) => void go({ to: `/payout-batches/${b.id}` as never })} empty={{ title: t('batch.none'), text: t('batch.noneText') }} />
    </Page>
  );
}
