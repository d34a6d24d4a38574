import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, FilterBar, Lots, Money, StatusChip, statusText, useFilters, usePeek, When, type Column, type Filter } from '@qd/ui';
import { useMemo } from 'react';
import { PartnerName } from './Chain';
import { Formula } from './Explanation';
import { LinePeek } from './LinePeek';
import { lotsText } from './lots';
import { reasonOf } from './words';

export type Line = Row<'/api/v1/commission-lines'>;
const idOf = (l: Line) => l.id;

/** Commission lines, one partner's or all; each opens to how it came about. */
export function Lines({ partner }: { partner?: string }) {
  const { t } = useTranslation('office-partners');
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'state', label: t('col.state'), pinned: true, options: ['open', 'stated', 'zero'].map((value) => ({ value, label: statusText('commission_line', value) })) },
      { kind: 'dates', name: 'value', label: t('col.value'), pinned: true },
      { kind: 'text', name: 'client_id', label: t('filter.client'), placeholder: 'cli_…' },
      { kind: 'text', name: 'account', label: t('filter.account'), placeholder: 'tacc_…' },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const query = useMemo(() => {
    const { value_from_us, value_until_us, state, ...rest } = values;
    return {
      ...rest,
      state: state as Line['state'] | undefined,
      partner_id: partner,
      from_us: value_from_us ? Number(value_from_us) : undefined,
      to_us: value_until_us ? Number(value_until_us) : undefined,
      limit: 50,
    };
  }, [values, partner]);
  const list = useCursorPages('/api/v1/commission-lines', { query });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Line>[]>(
    () => [
      { id: 'value', header: t('col.value'), width: 235, fixed: true, cell: (l) => <When us={l.value_at_us} as="full" /> },
      ...(partner ? [] : [{ id: 'partner', header: t('partner'), width: 200, cell: (l: Line) => <PartnerName id={l.partner_id} link={false} /> }]),
      { id: 'symbol', header: t('col.symbol'), width: 110, cell: (l) => <bdi dir="ltr">{l.symbol}</bdi> },
      { id: 'lots', header: t('col.lots'), width: 90, align: 'number', cell: (l) => <Lots value={lotsText(l.lots)} unit={false} /> },
      { id: 'amount', header: t('col.amount'), width: 140, align: 'number', card: 'side', cell: (l) => <Money value={{ minor: l.minor, currency: l.currency }} tone={l.kind === 'reversal'} /> },
      { id: 'level', header: t('col.level'), width: 90, align: 'number', cell: (l) => l.level },
      { id: 'kind', header: t('col.kind'), width: 130, cell: (l) => (l.state === 'zero' ? <StatusChip kind="commission_line" value="zero" /> : <StatusChip kind="line" value={l.kind} />) },
      { id: 'why', header: t('col.why'), width: 320, cell: (l) => (l.reason ? reasonOf(l.reason) : <bdi dir="ltr"><Formula text={l.explanation.formula} /></bdi>) },
      { id: 'state', header: t('col.state'), width: 190, cell: (l) => (l.state === 'zero' ? null : <StatusChip kind="commission_line" value={l.state} />) },
      { id: 'ticket', header: t('col.ticket'), width: 130, hidden: true, cell: (l) => <bdi dir="ltr">{l.ticket}</bdi> },
      { id: 'server', header: t('col.server'), width: 110, hidden: true, cell: (l) => <bdi dir="ltr">{l.server}</bdi> },
    ],
    [t, partner],
  );
  const table = (
    <DataTable
      id={partner ? 'partner-lines' : 'commission-lines'}
      inline={!!partner}
      label={t('tab.lines')}
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
      onOpen={(l) => peek.open(l.id)}
      opened={peek.id}
      filtered={active}
      onResetFilters={reset}
      empty={{ title: t('lines.none'), text: t('lines.noneText') }}
      toolbar={<FilterBar filters={filters} />}
      rowTone={(l) => (l.state === 'zero' ? 'muted' : undefined)}
    />
  );
  return (
    <>
      {partner ? <Card title={t('tab.lines')} flush>{table}</Card> : table}
      <LinePeek id={peek.id} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} />
    </>
  );
}
