import { Button, Select, Stack } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, DataTable, ErrorState, errorText, Money, Notice, Page, say, statusText, useSearchState, type Column } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { PartnerName } from '../partners/Chain';
import { useEntities, whyNot } from './words';
import settings from '../settings/settings.module.css';

type Item = Schema<'PayoutProposalItem'>;

/** Who would be paid now and who would not, and why; then the batch is prepared for somebody else to release. */
export function NewBatch() {
  const { t, i18n } = useTranslation(['office-engine', 'office-partners']);
  const go = useNavigate();
  const [search, set] = useSearchState();
  const entities = useEntities();
  const entity = search.entity || entities[0] || '';
  const currency = search.currency || 'USD';
  const found = useApiQuery('/api/v1/payout-proposal', entity ? { query: { entity, currency } } : null);
  const prepare = useWrite('post', '/api/v1/payout-batches', { durable: 'payout-batch' });
  const [failed, setFailed] = useState<unknown>(null);
  const p = found.data;
  const ways = Object.keys(p?.totals ?? {});
  const way = search.method && ways.includes(search.method) ? search.method : ways[0];
  const paid = useMemo(() => (p?.items ?? []).filter((i) => i.method === way), [p, way]);
  const total = way ? p?.totals[way] : undefined;
  const columns = useMemo<readonly Column<Item>[]>(
    () => [
      { id: 'partner', header: t('office-partners:partner'), width: 240, fixed: true, cell: (i) => <PartnerName id={i.partner_id} /> },
      { id: 'balance', header: t('batch.balance'), width: 140, align: 'number', cell: (i) => <Money value={{ minor: i.figures.balance_minor, currency }} /> },
      { id: 'held', header: t('batch.held'), width: 140, align: 'number', cell: (i) => <Money value={{ minor: i.figures.held_minor, currency }} /> },
      { id: 'reserved', header: t('batch.reserved'), width: 140, align: 'number', cell: (i) => <Money value={{ minor: i.figures.reserved_minor, currency }} /> },
      { id: 'payable', header: t('batch.payable'), width: 150, align: 'number', card: 'side', cell: (i) => <Money strong value={{ minor: i.figures.payable_minor, currency }} /> },
      { id: 'why', header: t('batch.why'), width: 260, cell: (i) => (i.reason ? whyNot(i.reason) : '–') },
    ],
    [t, currency],
  );
  return (
    <Page title={t('batch.add')} crumbs={[{ label: t('batch.title'), to: '/payout-batches' }]}>
      <Stack>
        <Card title={t('batch.which')}>
          <Stack>
            <div className={settings.grid}>
              <Select label={t('close.entity')} allowDeselect={false} data={[...new Set([...entities, entity])].filter(Boolean)} value={entity} onChange={(v) => set({ entity: v })} />
              <Select label={t('batch.currency')} allowDeselect={false} data={[...new Set(['USD', 'EUR', 'GBP', currency])]} value={currency} onChange={(v) => set({ currency: v })} />
              {ways.length > 0 && <Select label={t('office-partners:col.method')} allowDeselect={false} data={ways.map((w) => ({ value: w, label: `${statusText('payout_method', w)} (${number(i18n.language, p?.totals[w]?.count ?? 0)})` }))} value={way ?? null} onChange={(v) => set({ method: v })} />}
            </div>
            {found.error && !p && <ErrorState error={found.error} onRetry={() => void found.refetch()} />}
            {p && ways.length === 0 && <Notice tone="info">{t('batch.nobody')}</Notice>}
            {total && way && (
              <div>
                <p style={{ marginBlockStart: 0 }}>{t('batch.partners', { count: total.count })} · {t('batch.taken')} <Money value={{ minor: total.minor, currency }} /> · {t('batch.leaves')} <Money strong value={{ minor: total.net_minor, currency }} /></p>
                <Button
                  loading={prepare.busy}
                  onClick={() =>
                    void prepare.run({ body: { entity, currency: currency as never, method: way as never, close_id: search.close || null } }).then(
                      (b) => { setFailed(null); say(t('batch.prepared')); void go({ to: `/payout-batches/${b.batch.id}` as never }); },
                      (e: unknown) => setFailed(e),
                    )
                  }
                >
                  {t('batch.prepare')}
                </Button>
              </div>
            )}
            {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
          </Stack>
        </Card>
        {paid.length > 0 && <Card title={t('batch.paid')} flush><DataTable id="batch-paid" inline label={t('batch.paid')} columns={columns.slice(0, 5)} rows={paid} rowId={(i) => i.partner_id} empty={{ title: t('batch.nobody') }} /></Card>}
        {(p?.refused.length ?? 0) > 0 && <Card title={t('batch.notPaid')} flush><DataTable id="batch-not-paid" inline label={t('batch.notPaid')} columns={columns} rows={p?.refused} rowId={(i) => i.partner_id} empty={{ title: t('batch.nobody') }} /></Card>}
      </Stack>
    </Page>
  );
}
