import type { Row, useCursorPages } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, DataTable, Lots, Money, StatusChip, usePeek, When, type Column } from '@qd/ui';
import { useMemo, type ReactNode } from 'react';
import { lotsText } from '../../lib';
import { LinePeek } from './LinePeek';
import { StepsText } from './Steps';
import { kindText, reasonText } from '@qd/ui/partners/words';

export type Line = Row<'/api/v1/me/partner/lines'>;
const idOf = (row: Line) => row.id;

interface Props {
  id: string;
  list: ReturnType<typeof useCursorPages<'/api/v1/me/partner/lines'>>;
  inline?: boolean;
  toolbar?: ReactNode;
  filtered?: boolean;
  onResetFilters?: () => void;
}

/** Commission lines; each opens to its story. */
export function LinesTable({ id, list, inline, toolbar, filtered, onResetFilters }: Props) {
  const { t } = useTranslation('partner');
  const rows = list.rows as readonly Line[];
  const ids = useMemo(() => rows.map(idOf), [rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Line>[]>(
    () => [
      { id: 'at', header: t('line.at'), width: 160, fixed: true, cell: (l) => <When us={l.value_at_us} /> },
      { id: 'amount', header: t('line.amount'), width: 140, align: 'number', card: 'side', cell: (l) => <Money value={{ minor: l.minor, currency: l.currency }} /> },
      { id: 'symbol', header: t('line.symbol'), width: 110, cell: (l) => <bdi dir="ltr">{l.symbol}</bdi> },
      { id: 'lots', header: t('line.lots'), width: 110, align: 'number', cell: (l) => <Lots value={lotsText(l.lots)} /> },
      { id: 'client', header: t('line.client'), width: 140, cell: (l) => <bdi className="qd-mono">{l.client_id.slice(-8)}</bdi> },
      { id: 'level', header: t('line.level'), width: 110, align: 'number', cell: (l) => l.level },
      { id: 'kind', header: t('line.kind'), width: 140, cell: (l) => (l.kind === 'accrual' ? <StatusChip kind="commission_line" value={l.state} /> : <Chip tone={l.minor < 0 ? 'warn' : 'info'} label={kindText(l.kind)} />) },
      { id: 'formula', header: t('line.how'), width: 300, cell: (l) => (l.reason ? <span className="qd-muted">{reasonText(l.reason)}</span> : <StepsText explanation={l.explanation} />) },
    ],
    [t],
  );
  return (
    <>
      <DataTable
        id={id}
        inline={inline}
        label={t('nav.lines')}
        columns={columns}
        rows={rows}
        rowId={idOf}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={inline ? undefined : list.more}
        hasMore={inline ? false : list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        onOpen={(row) => peek.open(row.id)}
        opened={peek.id}
        filtered={filtered}
        onResetFilters={onResetFilters}
        toolbar={toolbar}
        empty={{ title: t('line.none'), text: t('line.noneText') }}
      />
      <LinePeek line={rows.find((l) => l.id === peek.id)} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} />
    </>
  );
}
