import { Button, Select } from '@mantine/core';
import { href, useCursorPages } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { DataTable, Lots, Money, Price, useSearchState, useZone, When, type Column } from '@qd/ui';
import { IconDownload, IconFileText } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { isMonth, lastMonths, monthSpan, monthText } from '../../lib/months';
import type { Account } from '../../lib/queries';
import { type Deal, resultOf } from './deals';

export function useDealWords() {
  const { t } = useTranslation('trader-accounts');
  return (d: Deal): string => {
    if (d.kind === 'balance') return t(d.profit_minor < 0 ? 'deal.paid_out' : 'deal.paid_in');
    if (d.kind === 'credit') return t('deal.credit');
    if (d.kind === 'other') return t('deal.other');
    const side = t(d.side === 'sell' ? 'sell' : 'buy');
    return d.kind === 'cancelled_trade' ? t('deal.cancelled', { side }) : side;
  };
}

/** The month's or all deals, as a list, as CSV, and as a statement. */
export function DealsTab({ account }: { account: Account }) {
  const { t, i18n } = useTranslation('trader-accounts');
  const { zone } = useZone();
  const [search, set] = useSearchState();
  const words = useDealWords();
  const month = isMonth(search.month) ? search.month : null;
  const span = month ? monthSpan(month, zone) : null;
  const deals = useCursorPages('/api/v1/me/accounts/{id}/deals', { path: { id: account.id }, query: { limit: 50, from_us: span?.from, to_us: span?.until } });
  const columns = useMemo<readonly Column<Deal>[]>(
    () => [
      { id: 'symbol', header: t('col.symbol'), width: 130, fixed: true, cell: (d) => (d.symbol ? <bdi>{d.symbol}</bdi> : words(d)) },
      { id: 'side', header: t('col.side'), width: 130, cell: (d) => words(d) },
      { id: 'entry', header: t('col.entry'), width: 100, hidden: true, cell: (d) => (d.kind === 'trade' ? t(`entry.${d.entry}` as never, { defaultValue: d.entry }) : null) },
      { id: 'lots', header: t('col.lots'), width: 90, align: 'number', cell: (d) => (d.kind === 'trade' ? <Lots value={d.volume} unit={false} /> : <span className="qd-muted">–</span>) },
      { id: 'price', header: t('col.price'), width: 120, align: 'number', cell: (d) => (d.kind === 'trade' ? <Price value={d.price} /> : <span className="qd-muted">–</span>) },
      { id: 'commission', header: t('col.commission'), width: 130, align: 'number', cell: (d) => <Money value={{ minor: d.commission_minor, currency: d.currency }} /> },
      { id: 'swap', header: t('col.swap'), width: 120, align: 'number', hidden: true, cell: (d) => <Money value={{ minor: d.swap_minor, currency: d.currency }} /> },
      { id: 'result', header: t('col.result'), width: 140, align: 'number', card: 'side', cell: (d) => <Money value={{ minor: resultOf(d), currency: d.currency }} tone /> },
      { id: 'at', header: t('col.time'), width: 190, cell: (d) => <When us={d.at_us} as="full" /> },
      { id: 'ticket', header: t('col.ticket'), width: 110, hidden: true, cell: (d) => <bdi className="qd-num">{d.ticket}</bdi> },
    ],
    [t, words],
  );
  const statementMonth = month ?? lastMonths(1, zone)[0]!;
  return (
    <DataTable
      id="my-deals"
      label={t('tab.deals')}
      columns={columns}
      rows={deals.rows}
      rowId={(d) => `${d.ticket}-${d.revision}`}
      loading={deals.isPending}
      error={deals.error}
      onRetry={() => void deals.refetch()}
      more={deals.more}
      hasMore={deals.hasMore}
      loadingMore={deals.loadingMore}
      waiting={deals.waiting}
      onShowWaiting={() => void deals.showNew()}
      filtered={!!month}
      onResetFilters={() => set({ month: null })}
      empty={{ title: t('no_deals'), text: t('no_deals_text') }}
      rowTone={(d) => (d.deleted ? 'muted' : undefined)}
      inline
      toolbar={
        <>
          <Select
            size="xs"
            w={190}
            aria-label={t('month')}
            placeholder={t('all_months')}
            clearable
            data={lastMonths(24, zone).map((m) => ({ value: m, label: monthText(i18n.language, m) }))}
            value={month}
            onChange={(m) => set({ month: m })}
          />
          <Button
            size="compact-sm"
            variant="default"
            component="a"
            href={href('/api/v1/me/accounts/{id}/deals.csv', { path: { id: account.id }, query: { from_us: span?.from, until_us: span?.until } })}
            download
            leftSection={<IconDownload size={15} aria-hidden />}
          >
            {t('csv')}
          </Button>
          <Button size="compact-sm" variant="default" component={Link} to={`/accounts/${account.id}/statement?month=${statementMonth}`} leftSection={<IconFileText size={15} aria-hidden />}>
            {t('statement')}
          </Button>
        </>
      }
    />
  );
}
