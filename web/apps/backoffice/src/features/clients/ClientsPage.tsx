import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { DataTable, FilterBar, Page, SavedViews, statusText, useFilters, usePeek, useSearchState, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { AddLead } from './AddLead';
import { Bulk } from './Bulk';
import { ClientPeek } from './ClientPeek';
import { useClientColumns } from './columns';
import { useClients, type ClientRow } from './queries';

const stages = ['lead', 'registered', 'verified', 'funded', 'dormant', 'churned'];
const statuses = ['new', 'contacted', 'no_answer', 'callback', 'interested', 'not_interested'];
const kyc = ['none', 'open', 'collecting', 'submitted', 'in_review', 'resubmission', 'approved', 'rejected', 'expired'];
const idOf = (row: ClientRow) => row.id;

/** Leads are the same records before they register; the list is narrower and sorted for those who call. */
export function LeadsPage() {
  return <ClientsPage leads />;
}

export function ClientsPage({ leads = false }: { leads?: boolean }) {
  const { t } = useTranslation('office-clients');
  const go = useNavigate();
  const mayAdd = useCan('leads.create');
  const mayEdit = useCan('clients.edit') || false;
  const [picked, setPicked] = useState<{ ids: readonly string[]; clear: () => void } | null>(null);
  const [search, set] = useSearchState();
  const filters = useMemo<readonly Filter[]>(
    () => [
      ...(leads ? [] : [{ kind: 'choice' as const, name: 'stage', label: t('col.stage'), pinned: true, options: stages.map((value) => ({ value, label: statusText('stage', value) })) }]),
      { kind: 'choice', name: 'status', label: t('col.status'), pinned: true, options: statuses.map((value) => ({ value, label: statusText('lead_status', value) })) },
      { kind: 'choice', name: 'kyc_state', label: t('col.kyc'), options: kyc.map((value) => ({ value, label: statusText('kyc', value) })) },
      { kind: 'text', name: 'campaign', label: t('col.campaign') },
      { kind: 'dates', name: 'created', label: t('col.created') },
      { kind: 'flag', name: 'unowned', label: t('filter.unowned') },
      { kind: 'flag', name: 'vip', label: t('col.vip') },
    ],
    [t, leads],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useClients(values, search.sort, leads);
  const columns = useClientColumns();
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);

  return (
    <Page title={leads ? t('leads') : t('title')} fill actions={mayAdd ? <Button onClick={() => set({ add: '1' })}>{t('lead.new')}</Button> : null}>
      <DataTable
        id={leads ? 'leads' : 'clients'}
        label={leads ? t('leads') : t('title')}
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
        sort={search.sort ?? 'newest'}
        onSort={(word) => set({ sort: word })}
        onOpen={(row) => peek.open(row.id)}
        opened={peek.id}
        filtered={active}
        onResetFilters={reset}
        empty={{ title: t('empty.title'), text: t('empty.text') }}
        bulk={mayEdit ? (ids, clear) => <Button size="compact-sm" onClick={() => setPicked({ ids, clear })}>{t('bulk.change')}</Button> : undefined}
        toolbar={<FilterBar filters={filters} before={<SavedViews list={leads ? 'leads' : 'clients'} />} />}
      />
      <ClientPeek id={peek.id} row={list.rows.find((c) => c.id === peek.id)} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} onFullPage={() => peek.id && void go({ to: `/clients/${peek.id}` as never })} />
      <Bulk ids={picked?.ids ?? null} onClose={() => setPicked(null)} onDone={() => { picked?.clear(); void list.refetch(); }} />
      <AddLead opened={search.add === '1'} onClose={() => set({ add: null })} />
    </Page>
  );
}
