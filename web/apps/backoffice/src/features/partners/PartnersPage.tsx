import { Button } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { DataTable, FilterBar, Page, StatusChip, statusText, useFilters, useSearchState, Value, When, type Column, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { EditPartner } from './EditPartner';

export type PartnerRow = Row<'/api/v1/partners'>;
const states = ['applied', 'active', 'suspended', 'terminated'];
const idOf = (row: PartnerRow) => row.id;

/** Everybody who brings clients; applications first need a decision. */
export function PartnersPage() {
  const { t } = useTranslation('office-partners');
  const go = useNavigate();
  const may = useCan('partners.manage');
  const [search, set] = useSearchState();
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'text', name: 'name', label: t('col.name'), pinned: true },
      { kind: 'choice', name: 'state', label: t('col.state'), pinned: true, options: states.map((value) => ({ value, label: statusText('partner', value) })) },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/partners', { query: { ...values, limit: 50 } });
  const columns = useMemo<readonly Column<PartnerRow>[]>(
    () => [
      { id: 'name', header: t('col.name'), width: 260, fixed: true, cell: (p) => <bdi>{p.name}</bdi> },
      { id: 'state', header: t('col.state'), width: 150, card: 'side', cell: (p) => <StatusChip kind="partner" value={p.state} /> },
      { id: 'entity', header: t('col.entity'), width: 110, cell: (p) => p.entity },
      { id: 'currency', header: t('col.currency'), width: 110, cell: (p) => p.currency },
      { id: 'method', header: t('col.method'), width: 150, cell: (p) => statusText('payout_method', p.payout_method) },
      { id: 'email', header: t('col.email'), width: 240, cell: (p) => <bdi><Value mask="contact">{p.email}</Value></bdi> },
      { id: 'phone', header: t('col.phone'), width: 160, hidden: true, cell: (p) => <bdi><Value mask="contact">{p.phone}</Value></bdi> },
      { id: 'since', header: t('col.since'), width: 160, cell: (p) => <When us={p.created_at_us} /> },
    ],
    [t],
  );
  return (
    <Page title={t('title')} fill actions={may ? <Button onClick={() => set({ add: '1' })}>{t('add')}</Button> : null}>
      <DataTable
        id="partners"
        label={t('title')}
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
        onOpen={(row) => void go({ to: `/partners/${row.id}` as never })}
        filtered={active}
        onResetFilters={reset}
        empty={{ title: t('empty.title'), text: t('empty.text') }}
        toolbar={<FilterBar filters={filters} />}
        rowTone={(p) => (p.state === 'terminated' ? 'muted' : undefined)}
      />
      <EditPartner opened={search.add === '1'} onClose={() => set({ add: null })} onDone={(id) => void go({ to: `/partners/${id}` as never })} />
    </Page>
  );
}
