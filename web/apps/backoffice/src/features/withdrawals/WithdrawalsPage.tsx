import { useTranslation } from '@qd/i18n';
import { CopyId, DataTable, FilterBar, Money, Page, SavedViews, StatusChip, statusText, useFilters, usePeek, useSearchState, When, type Column, type Filter } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Due } from '../../lib/clock';
import { ClientLink, Named, useNames } from '../../lib/names';
import { ListTabs } from '../../lib/ListTabs';
import { DESKS, STATES, useWithdrawals, type Withdrawal } from './queries';
import { WithdrawalPeek } from './WithdrawalPeek';

const idOf = (w: Withdrawal) => w.id;

/** The queue of what people must decide, and all withdrawals. */
export function WithdrawalsPage() {
  const { t } = useTranslation('office-money');
  const [search] = useSearchState();
  const navigate = useNavigate();
  const all = search.tab === 'all';
  const filters = useMemo<readonly Filter[]>(
    () => [
      ...(all ? [{ kind: 'choice' as const, name: 'state', label: t('state'), pinned: true, options: STATES.map((value) => ({ value, label: statusText('withdrawal', value) })) }] : []),
      { kind: 'choice', name: 'desk', label: t('desk'), pinned: true, options: DESKS.map((value) => ({ value, label: statusText('role', value) })) },
      { kind: 'flag', name: 'mine', label: t('mine'), pinned: true },
      ...(all ? [] : [{ kind: 'flag' as const, name: 'overdue', label: t('overdue'), pinned: true }]),
    ],
    [t, all],
  );
  const { values, active, reset } = useFilters(filters);
  const { state, ...others } = values;
  const list = useWithdrawals(others, all ? state : 'review');
  const name = useNames(useMemo(() => list.rows.flatMap((w) => [w.client_id, w.claimed_by]), [list.rows]));
  const columns = useMemo<readonly Column<Withdrawal>[]>(
    () => [
      { id: 'client', header: t('client'), width: 190, fixed: true, cell: (w) => <Named id={w.client_id} name={name(w.client_id)} /> },
      { id: 'amount', header: t('amount'), width: 140, align: 'number', card: 'side', cell: (w) => <Money value={w.amount} /> },
      { id: 'state', header: t('state'), width: 170, cell: (w) => <StatusChip kind="withdrawal" value={w.state} /> },
      { id: 'signals', header: t('signals'), width: 230, cell: (w) => (w.signals.length ? <bdi>{w.signals.map((s) => statusText('signal', s)).join(' · ')}</bdi> : <span className="qd-muted">–</span>) },
      { id: 'desk', header: t('desk'), width: 120, cell: (w) => statusText('role', w.desk) },
      { id: 'owner', header: t('owner'), width: 150, cell: (w) => (w.claimed_by ? <Named id={w.claimed_by} name={name(w.claimed_by)} /> : <span className="qd-muted">{t('nobody')}</span>) },
      { id: 'due', header: t('due'), width: 190, cell: (w) => <Due us={w.state === 'review' ? w.due_at_us : null} /> },
      { id: 'people', header: t('people'), width: 120, align: 'number', hidden: true, cell: (w) => w.approvals_needed },
      { id: 'entity', header: t('entity'), width: 90, hidden: true, cell: (w) => w.entity.toUpperCase() },
      { id: 'requested', header: t('requested'), width: 150, cell: (w) => <When us={w.requested_at_us} /> },
      { id: 'paid', header: t('paidAt'), width: 150, hidden: true, cell: (w) => <When us={w.paid_at_us} /> },
      { id: 'id', header: t('id'), width: 130, hidden: true, cell: (w) => <CopyId id={w.id} /> },
    ],
    [t, name],
  );
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  return (
    <Page title={t('w.title')} fill tabs={<ListTabs label={t('w.title')} tabs={[{ value: null, label: t('w.queue') }, { value: 'all', label: t('all') }]} clears={['state']} />}>
      <DataTable
        id="withdrawals"
        label={t('w.title')}
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
        onOpen={(w) => peek.open(w.id)}
        opened={peek.id}
        filtered={active}
        onResetFilters={reset}
        empty={all ? { title: t('w.empty'), text: t('w.emptyText') } : { kind: 'done', title: t('w.done'), text: t('w.doneText') }}
        toolbar={<FilterBar filters={filters} before={<SavedViews list="withdrawals" />} />}
      />
      <WithdrawalPeek
        id={peek.id}
        title={<ClientLink id={list.rows.find((w) => w.id === peek.id)?.client_id} name={name(list.rows.find((w) => w.id === peek.id)?.client_id)} />}
        onClose={peek.close}
        onPrevious={peek.previous}
        onNext={peek.next}
        onFullPage={() => peek.id && void navigate({ to: `/withdrawals/${peek.id}` as never })}
      />
    </Page>
  );
}
