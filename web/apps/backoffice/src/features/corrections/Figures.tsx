import type { Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, DataTable, KeyValue, Money, Notice, When, type Column } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { PartnerName } from '../partners/Chain';
import { policyText } from './words';

type Preview = Schema<'CorrectionPreview'>;
type Figures = Schema<'CorrectionFigures'>;
type Figure = Figures['per'][number];

/** What would move: both answers on tiers side by side, then partner by partner and statement by statement. */
export function PreviewFigures({ preview: p, chosen }: { preview: Preview; chosen: 'retier' | 'freeze' }) {
  const { t } = useTranslation('office-engine');
  const f = p[chosen];
  const same = JSON.stringify(p.retier.totals) === JSON.stringify(p.freeze.totals);
  return (
    <>
      <Cards min="20rem">
        {(['retier', 'freeze'] as const).map((policy) => (
          <Card key={policy} title={policyText(policy)} actions={policy === chosen ? <Chip tone="info" label={t('cor.chosen')} /> : undefined}>
            <Sums figures={p[policy]} />
          </Card>
        ))}
      </Cards>
      {same && <p className="qd-muted" style={{ margin: 0 }}>{t('cor.same')}</p>}
      {f.closed_changed && <Notice tone="warn">{t('cor.closedChanged')}</Notice>}
      <Below figures={f} />
      <Stopped figures={f} />
      <PerStatement figures={f} />
    </>
  );
}

export function Sums({ figures: f }: { figures: Figures }) {
  const { t, i18n } = useTranslation('office-engine');
  return (
    <KeyValue
      items={[
        ...(f.totals.length === 0 ? [{ label: t('cor.total'), value: t('cor.nothing') }] : f.totals.map((x) => ({ label: t('cor.totalIn', { currency: x.currency }), value: <Money strong signed value={{ minor: x.difference_minor, currency: x.currency }} /> }))),
        ...f.rebates.map((x) => ({ label: t('cor.rebates'), value: <Money signed value={{ minor: x.difference_minor, currency: x.currency }} /> })),
        { label: t('cor.deals'), value: t('cor.dealsOf', { changed: number(i18n.language, f.deals_changed), seen: number(i18n.language, f.deals_seen) }) },
        { label: t('cor.lines'), value: number(i18n.language, f.lines) },
        { label: t('cor.belowZero'), value: number(i18n.language, f.below_zero.length) },
      ]}
    />
  );
}

function Below({ figures: f }: { figures: Figures }) {
  const { t } = useTranslation('office-engine');
  if (f.below_zero.length === 0) return null;
  return (
    <Notice tone="warn">
      {t('cor.newNegative')}
      <ul>{f.below_zero.map((b) => <li key={b.partner_id + b.currency}><PartnerName id={b.partner_id} />: <Money value={{ minor: b.now_minor, currency: b.currency }} /> → <Money strong value={{ minor: b.then_minor, currency: b.currency }} /></li>)}</ul>
    </Notice>
  );
}

function Stopped({ figures: f }: { figures: Figures }) {
  const { t } = useTranslation('office-engine');
  if (f.deals_stopped === 0) return null;
  return (
    <Notice tone="warn">
      {t('cor.stopped', { count: f.deals_stopped })}
      <ul>{f.stopped.slice(0, 5).map((s) => <li key={s}><bdi dir="ltr" className="qd-mono">{s}</bdi></li>)}</ul>
    </Notice>
  );
}

export function PerStatement({ figures: f }: { figures: Figures }) {
  const { t } = useTranslation('office-engine');
  const columns = useMemo<readonly Column<Figure>[]>(
    () => [
      { id: 'partner', header: t('cor.partner'), width: 210, fixed: true, cell: (x) => <PartnerName id={x.partner_id} /> },
      {
        id: 'statement', header: t('cor.statement'), width: 220,
        cell: (x) => (x.statement_id ? <><Link to={`/statements/${x.statement_id}` as never}>{t('cor.number', { number: x.statement_number ?? 0 })}</Link> <span className="qd-muted"><When us={x.period_from_us ?? null} as="date" /></span></> : t('cor.openPeriod')),
      },
      { id: 'old', header: t('cor.old'), width: 140, align: 'number', cell: (x) => <Money value={{ minor: x.old_minor, currency: x.currency }} /> },
      { id: 'new', header: t('cor.new'), width: 140, align: 'number', cell: (x) => <Money value={{ minor: x.new_minor, currency: x.currency }} /> },
      { id: 'difference', header: t('cor.difference'), width: 150, align: 'number', card: 'side', cell: (x) => <Money strong signed value={{ minor: x.difference_minor, currency: x.currency }} /> },
      { id: 'back', header: t('cor.takenBack'), width: 140, align: 'number', cell: (x) => <Money value={{ minor: x.taken_back_minor, currency: x.currency }} /> },
      { id: 'booked', header: t('cor.bookedAnew'), width: 140, align: 'number', cell: (x) => <Money value={{ minor: x.booked_minor, currency: x.currency }} /> },
      { id: 'lines', header: t('cor.lines'), width: 90, align: 'number', cell: (x) => x.lines },
    ],
    [t],
  );
  return (
    <Card title={t('cor.per')} flush>
      <DataTable id="correction-per" inline label={t('cor.per')} columns={columns} rows={f.per} rowId={(x) => `${x.partner_id}${x.currency}${x.statement_id ?? ''}`} empty={{ title: t('cor.nothing') }} />
    </Card>
  );
}
