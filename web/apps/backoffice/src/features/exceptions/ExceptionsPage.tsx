import { useCursorPages, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { CopyId, DataTable, FilterBar, Page, SavedViews, StatusChip, statusText, useFilters, useSearchState, When, type Column, type Filter } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Due } from '../../lib/clock';
import { ListTabs } from '../../lib/ListTabs';
import { Named, useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { ExceptionPeek } from './ExceptionPeek';
import { KINDS } from './kinds';
import { Weeks } from './Weeks';

export type Exception = Row<'/api/v1/exceptions'>;

const STATES = ['open', 'resolved', 'dismissed'] as const;
const ROLES = ['finance', 'compliance', 'ops', 'support', 'sales_manager', 'partner_manager'] as const;

/** What people must mend by hand: whose it is, which rule raised it, how long it waits. */
export function ExceptionsPage() {
  const { t, i18n } = useTranslation('office-money');
  const { me } = useSession();
  const navigate = useNavigate();
  const { id: asked } = useParams({ strict: false }) as { id?: string };
  const [search, set] = useSearchState();
  const all = search.tab === 'all';
  const filters = useMemo<readonly Filter[]>(
    () => [
      ...(all ? [{ kind: 'choice' as const, name: 'state', label: t('state'), pinned: true, options: STATES.map((value) => ({ value, label: statusText('exception', value) })) }] : []),
      { kind: 'choice', name: 'kind', label: t('x.kind'), pinned: true, options: KINDS.map((value) => ({ value, label: statusText('exception_kind', value) })) },
      { kind: 'choice', name: 'owner_role', label: t('x.role'), pinned: true, options: ROLES.map((value) => ({ value, label: statusText('role', value) })) },
      { kind: 'choice', name: 'owner_id', label: t('owner'), options: [{ value: me.id, label: t('x.me') }] },
      { kind: 'flag', name: 'overdue', label: t('overdue') },
      { kind: 'dates', name: 'opened', label: t('x.opened') },
    ],
    [t, all, me.id],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/exceptions', {
    query: {
      kind: values.kind,
      owner_role: values.owner_role,
      owner_id: values.owner_id,
      state: all ? STATES.find((s) => s === values.state) : 'open',
      overdue: values.overdue === 'true' ? true : undefined,
      opened_from_us: values.opened_from_us ? Number(values.opened_from_us) : undefined,
      opened_until_us: values.opened_until_us ? Number(values.opened_until_us) : undefined,
      limit: 50,
    },
  });
  const name = useNames(useMemo(() => list.rows.flatMap((x) => [x.owner_id, x.client_id]), [list.rows]));
  const columns = useMemo<readonly Column<Exception>[]>(
    () => [
      { id: 'kind', header: t('x.kind'), width: 260, fixed: true, cell: (x) => statusText('exception_kind', x.kind) },
      { id: 'due', header: t('due'), width: 200, card: 'side', cell: (x) => <Due us={x.due_at_us} done={x.state !== 'open'} /> },
      { id: 'client', header: t('client'), width: 170, cell: (x) => (x.client_id ? <Named id={x.client_id} name={name(x.client_id)} /> : <span className="qd-muted">–</span>) },
      { id: 'subject', header: t('x.subject'), width: 190, cell: (x) => <ObjectLink object={x.subject} /> },
      { id: 'role', header: t('x.role'), width: 130, cell: (x) => statusText('role', x.owner_role) },
      { id: 'owner', header: t('owner'), width: 150, cell: (x) => (x.owner_id ? <Named id={x.owner_id} name={name(x.owner_id)} /> : <span className="qd-muted">{t('x.queueOf', { role: statusText('role', x.owner_role) })}</span>) },
      { id: 'rule', header: t('rule'), width: 160, cell: (x) => <bdi className="qd-mono">{x.rule}</bdi> },
      { id: 'state', header: t('state'), width: 130, cell: (x) => <StatusChip kind="exception" value={x.state} /> },
      { id: 'repeats', header: t('x.repeats'), width: 110, align: 'number', cell: (x) => number(i18n.language, x.repeats) },
      { id: 'opened', header: t('x.opened'), width: 150, cell: (x) => <When us={x.opened_at_us} /> },
      { id: 'id', header: t('id'), width: 130, hidden: true, cell: (x) => <CopyId id={x.id} /> },
    ],
    [t, name, i18n.language],
  );
  const open = search.peek ?? asked;
  const at = list.rows.findIndex((x) => x.id === open);
  const to = (x: Exception | undefined) => (x ? () => set({ peek: x.id }, { replace: true }) : null);
  return (
    <Page
      title={t('x.title')}
      fill
      tabs={
        <ListTabs
          label={t('x.title')}
          tabs={[
            { value: null, label: t('x.open') },
            { value: 'all', label: t('all') },
            { value: 'weeks', label: t('x.weeks') },
          ]}
          clears={['state']}
        />
      }
    >
      {search.tab === 'weeks' ? (
        <Weeks />
      ) : (
        <DataTable
          id="exceptions"
          label={t('x.title')}
          columns={columns}
          rows={list.rows}
          rowId={(x) => x.id}
          loading={list.isPending}
          error={list.error}
          onRetry={() => void list.refetch()}
          more={list.more}
          hasMore={list.hasMore}
          loadingMore={list.loadingMore}
          waiting={list.waiting}
          onShowWaiting={() => void list.showNew()}
          onOpen={(x) => set({ peek: x.id })}
          opened={open}
          filtered={active}
          onResetFilters={reset}
          empty={{ kind: 'done', title: t('x.done'), text: t('x.doneText') }}
          toolbar={<FilterBar filters={filters} before={<SavedViews list="exceptions" />} />}
        />
      )}
      <ExceptionPeek
        id={open}
        onClose={() => (asked && !search.peek ? void navigate({ to: '/exceptions' as never }) : set({ peek: null }))}
        onPrevious={at > 0 ? to(list.rows[at - 1]) : null}
        onNext={at >= 0 ? to(list.rows[at + 1]) : null}
      />
    </Page>
  );
}
