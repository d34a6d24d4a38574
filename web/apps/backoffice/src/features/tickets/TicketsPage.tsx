import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, DataTable, FilterBar, Page, StatusChip, statusText, useFilters, useSearchState, When, type Column, type Filter } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';

export type TicketRow = Row<'/api/v1/tickets'>;
const idOf = (row: TicketRow) => row.id;
const states = ['open', 'waiting_us', 'waiting_client', 'solved', 'closed'];
const categories = ['deposit', 'withdrawal', 'kyc', 'account', 'partner', 'other'];
const priorities = ['urgent', 'high', 'normal', 'low'];

/** The queue: what is due next stands on top, late ones are marked. */
export function TicketsPage() {
  const { t } = useTranslation('office-tickets');
  const [search, set] = useSearchState();
  const go = useNavigate();
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'state', label: t('col.state'), pinned: true, options: states.map((value) => ({ value, label: statusText('ticket', value) })) },
      { kind: 'choice', name: 'category', label: t('col.category'), pinned: true, options: categories.map((value) => ({ value, label: statusText('ticket_category', value) })) },
      { kind: 'flag', name: 'unsolved', label: t('filter.unsolved'), pinned: true },
      { kind: 'flag', name: 'overdue', label: t('filter.overdue'), pinned: true },
      { kind: 'choice', name: 'priority', label: t('col.priority'), options: priorities.map((value) => ({ value, label: statusText('ticket_priority', value) })) },
      { kind: 'text', name: 'desk', label: t('col.desk') },
      { kind: 'dates', name: 'created', label: t('col.created') },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const query = useMemo(() => {
    const { created_from_us: from, created_until_us: until, ...rest } = values;
    const sort = search.sort === 'newest' ? 'newest' : 'due';
    return { ...rest, created_from_us: from ? Number(from) : undefined, created_until_us: until ? Number(until) : undefined, sort, limit: 50 };
  }, [values, search.sort]);
  const list = useCursorPages('/api/v1/tickets', { query: query as never });
  const columns = useMemo<readonly Column<TicketRow>[]>(
    () => [
      { id: 'subject', header: t('col.subject'), width: 300, fixed: true, cell: (r) => <span dir="auto">{r.subject}</span> },
      { id: 'client', header: t('col.client'), width: 170, cell: (r) => <bdi>{r.client}</bdi> },
      { id: 'state', header: t('col.state'), width: 180, card: 'side', cell: (r) => <StatusChip kind="ticket" value={r.state} /> },
      {
        id: 'due',
        header: t('col.due'),
        width: 190,
        sort: { asc: 'due' },
        cell: (r) => (r.due_at_us ? <>{r.overdue && <Chip tone="bad" label={t('late')} />} <When us={r.due_at_us} /></> : '–'),
      },
      { id: 'priority', header: t('col.priority'), width: 110, cell: (r) => statusText('ticket_priority', r.priority) },
      { id: 'category', header: t('col.category'), width: 150, cell: (r) => statusText('ticket_category', r.category) },
      { id: 'owner', header: t('col.owner'), width: 160, cell: (r) => (r.owner_name ? <bdi>{r.owner_name}</bdi> : t('nobody')) },
      { id: 'desk', header: t('col.desk'), width: 120, hidden: true, cell: (r) => r.desk },
      { id: 'handovers', header: t('col.handovers'), width: 120, hidden: true, align: 'number', cell: (r) => r.handovers },
      { id: 'created', header: t('col.created'), width: 150, sort: { desc: 'newest' }, cell: (r) => <When us={r.created_at_us} /> },
    ],
    [t],
  );
  return (
    <Page title={t('title')} fill>
      <DataTable
        id="tickets"
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
        sort={search.sort ?? 'due'}
        onSort={(word) => set({ sort: word })}
        onOpen={(row) => void go({ to: `/tickets/${row.id}` as never })}
        filtered={active}
        onResetFilters={reset}
        rowTone={(r) => (r.overdue ? 'warn' : undefined)}
        empty={{ kind: 'done', title: t('empty.title'), text: t('empty.text') }}
        toolbar={<FilterBar filters={filters} />}
      />
    </Page>
  );
}
