import { useApiQuery, type Row } from '@qd/api';
import { country, hasText, number, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, DataTable, useSearchState, type Column } from '@qd/ui';
import { useMemo } from 'react';
import { percentText } from '../../lib/RouteWhy';
import { MethodAndCurrency, useOffer } from './pick';
import classes from './routing.module.css';

type SuccessRow = Row<'/api/v1/payments/success'>;

/** What was measured: by connection, country and band of amounts, over the attempts that routes go by. */
export function Success() {
  const { t, i18n } = useTranslation('office-routing');
  const lang = i18n.language;
  const [search, set] = useSearchState();
  const offer = useOffer();
  const method = search.method ?? 'card';
  const currency = search.currency ?? offer.currencies[0] ?? 'EUR';
  const list = useApiQuery('/api/v1/payments/success', { query: { method, currency } });
  const rows = useMemo(() => [...(list.data?.items ?? [])].sort((a, b) => b.ended - a.ended), [list.data]);
  const columns = useMemo<readonly Column<SuccessRow>[]>(
    () => [
      { id: 'country', header: t('country'), width: 180, fixed: true, cell: (r) => (r.country ? country(lang, r.country) : t('success.noCountry')) },
      { id: 'connection', header: t('connection'), width: 150, cell: (r) => <bdi>{r.connection}</bdi> },
      { id: 'band', header: t('success.band'), width: 170, cell: (r) => (hasText('office-routing', `band.${r.band}`) ? serverText('office-routing', `band.${r.band}`) : plain(r.band)) },
      { id: 'rate', header: t('success.rate'), width: 120, align: 'number', card: 'side', cell: (r) => <strong>{percentText(lang, r.rate_ppm)}</strong> },
      { id: 'paid', header: t('why.paid'), width: 140, align: 'number', cell: (r) => t('why.paidOf', { paid: number(lang, r.paid), ended: number(lang, r.ended) }) },
      { id: 'cost', header: t('why.cost'), width: 110, align: 'number', cell: (r) => percentText(lang, r.cost_ppm) },
    ],
    [t, lang],
  );
  return (
    <Card title={t('success.title')} flush>
      <div className={classes.form}>
        <MethodAndCurrency method={method} currency={currency} onMethod={(v) => set({ method: v }, { replace: true })} onCurrency={(v) => set({ currency: v }, { replace: true })} />
      </div>
      <DataTable
        id="payment-success"
        inline
        label={t('success.title')}
        columns={columns}
        rows={list.data ? rows : undefined}
        rowId={(r) => `${r.connection} ${r.country} ${r.band}`}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={{ title: t('success.empty'), text: t('success.emptyText') }}
      />
    </Card>
  );
}
