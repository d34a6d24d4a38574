import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import { duration, useTranslation } from '@qd/i18n';
import { Chip, CopyId, DataTable, FilterBar, Money, statusText, toneOf, useFilters, usePeek, When, type Column, type Filter } from '@qd/ui';
import { useMemo } from 'react';
import { Named, useNames } from '../../lib/names';
import { BreakPeek } from './BreakPeek';

type Break = Row<'/api/v1/reconciliation/breaks'>;

export const KINDS = ['missing_in_ledger', 'missing_at_provider', 'amount_differs', 'currency_differs', 'duplicate_at_provider', 'state_differs', 'fee_differs', 'unreadable_line'] as const;
const STATES = ['open', 'deciding', 'resolved', 'explained'] as const;

/** What does not agree: which kind, how much, how old, whose, and what explained it. */
export function Breaks({ file }: { file?: string }) {
  const { t, i18n } = useTranslation('office-recon');
  const standings = useApiQuery('/api/v1/reconciliation/overview', file ? null : {}, { live: 'off' });
  const parties = useMemo(() => [...new Set(standings.data?.items.map((s) => s.party))].sort(), [standings.data]);
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'state', label: t('state'), pinned: true, options: STATES.map((value) => ({ value, label: t(`breakState.${value}`) })) },
      { kind: 'choice', name: 'kind', label: t('kind'), pinned: true, options: KINDS.map((value) => ({ value, label: t(`kinds.${value}`) })) },
      ...(file ? [] : [{ kind: 'choice' as const, name: 'party', label: t('party'), pinned: true, options: parties.map((value) => ({ value, label: value })) }]),
    ],
    [t, parties, file],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/reconciliation/breaks', {
    query: { state: STATES.find((s) => s === values.state), kind: KINDS.find((k) => k === values.kind), party: values.party, file_id: file, limit: 50 },
  });
  const name = useNames(useMemo(() => list.rows.map((b) => b.client_id), [list.rows]));
  const ids = useMemo(() => list.rows.map((b) => b.id), [list.rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Break>[]>(
    () => [
      { id: 'kind', header: t('kind'), width: 230, fixed: true, cell: (b) => t(`kinds.${b.kind}`) },
      { id: 'difference', header: t('difference'), width: 150, align: 'number', card: 'side', cell: (b) => <Money value={b.difference} signed /> },
      { id: 'age', header: t('ageOf'), width: 120, cell: (b) => duration(i18n.language, b.age_s) },
      { id: 'state', header: t('state'), width: 170, cell: (b) => <Chip tone={toneOf('break', b.state)} label={t(`breakState.${b.state}`)} /> },
      { id: 'party', header: t('party'), width: 170, cell: (b) => <bdi>{b.party}</bdi> },
      { id: 'cause', header: t('cause'), width: 340, cell: (b) => <bdi dir="auto">{b.cause}</bdi> },
      { id: 'owner', header: t('owner'), width: 130, cell: (b) => statusText('role', b.owner_role) },
      { id: 'client', header: t('client'), width: 160, cell: (b) => <Named id={b.client_id} name={name(b.client_id)} /> },
      { id: 'how', header: t('how'), width: 260, cell: (b) => (b.how ? <bdi dir="auto">{b.how}</bdi> : <span className="qd-muted">–</span>) },
      { id: 'entity', header: t('entity'), width: 90, cell: (b) => <bdi>{b.entity.toUpperCase()}</bdi> },
      { id: 'opened', header: t('opened'), width: 150, cell: (b) => <When us={b.opened_at_us} /> },
      { id: 'id', header: t('id'), width: 130, hidden: true, cell: (b) => <CopyId id={b.id} /> },
    ],
    [t, i18n.language, name],
  );
  return (
    <>
      <DataTable
        id={file ? 'recon-file-breaks' : 'recon-breaks'}
        label={t('tab.breaks')}
        inline={!!file}
        columns={columns}
        rows={list.rows}
        rowId={(b) => b.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        onOpen={(b) => peek.open(b.id)}
        opened={peek.id}
        filtered={active}
        onResetFilters={reset}
        empty={{ kind: 'done', title: t('noBreaks'), text: t('noBreaksText') }}
        toolbar={file ? undefined : <FilterBar filters={filters} />}
      />
      <BreakPeek id={peek.id} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} />
    </>
  );
}
