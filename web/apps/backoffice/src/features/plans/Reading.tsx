import { hasText, list, serverText, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, DataTable, KeyValue, Price, type Column } from '@qd/ui';
import { useMemo, type ReactNode } from 'react';
import { bandsOf, isShare, payOf, toPercent, type PlanDoc, type PlanRule } from './editor/document';
import { fieldName, wordText } from './editor/editing';
import { termWords } from './editor/Terms';

/** Which list of words a field's value is of, where it is one. */
const words: Record<string, string> = {
  measure: 'measure', window: 'window', kind: 'bands', of: 'of', base: 'base', cut: 'cut', from: 'clock', kyc: 'kyc', country: 'country', once: 'once',
  'cpa.self_referral': 'cpaSelf', 'tiers.scope': 'counts', bands_by: 'bandsBy', 'carry.kind': 'carry', hybrid: 'hybrid', chargeback: 'chargeback', method: 'method',
};
const shares = new Set(['share', 'percent', 'reserve', 'payout_fee', 'override.levels', 'override.weights']);

/** A plan's document in the words of the trade. */
export function Reading({ doc }: { doc: PlanDoc }) {
  const { t, i18n } = useTranslation(['office-plans', 'office-partners']);
  const lang = i18n.language;
  const columns = useMemo<readonly Column<PlanRule>[]>(
    () => [
      { id: 'id', header: t('rule'), width: 170, fixed: true, cell: (r) => <><bdi>{r.id}</bdi> {r.kind === 'promotion' && <Chip tone="info" label={t('promotion')} />}</> },
      { id: 'rate', header: t('rateShort'), width: 300, card: 'side', cell: (r) => <RateOf rule={r} doc={doc} /> },
      { id: 'level', header: t('office-partners:col.level'), width: 90, align: 'number', cell: (r) => r.level ?? 1 },
      {
        id: 'scope', header: t('office-partners:plans.scope'), width: 380,
        cell: (r) => {
          const parts = Object.entries(r.scope ?? {}).flatMap(([p, v]) => (v && v.length > 0 ? [`${fieldName(['rules', 'scope', p])}: ${list(lang, v, 'disjunction')}`] : []));
          if (r.after) parts.push(wordText('after', r.after));
          return parts.length > 0 ? <bdi>{parts.join(' · ')}</bdi> : t('office-partners:plans.everything');
        },
      },
      { id: 'valid', header: t('office-partners:plans.valid'), width: 190, cell: (r) => (r.valid_from || r.valid_to ? <bdi dir="ltr">{r.valid_from?.slice(0, 10) ?? '…'} – {r.valid_to?.slice(0, 10) ?? '…'}</bdi> : t('office-partners:plans.always')) },
    ],
    [t, lang, doc],
  );
  const sections = (['tiers', 'override', 'client_rebates', 'exclusions', 'caps', 'scope', 'cpa', 'revenue_share', 'terms'] as const).filter((s) => doc[s] !== undefined && (!Array.isArray(doc[s]) || doc[s].length > 0));
  const loose = (['minimum_posting', 'hybrid', 'chargeback', 'regions', 'volume_factors'] as const).filter((s) => doc[s] !== undefined);
  const title: Record<(typeof sections)[number], string> = { tiers: t('s.tiers'), override: t('s.override'), client_rebates: t('s.rebates'), exclusions: t('s.limits'), caps: t('s.caps'), scope: t('s.scope'), cpa: t('s.cpa'), revenue_share: t('s.revenue_share'), terms: t('s.terms') };
  return (
    <>
      <Card title={t('s.rules')} flush>
        <DataTable id="plan-rules" inline label={t('s.rules')} columns={columns} rows={doc.rules ?? []} rowId={(r) => r.id} empty={{ title: t('noRules') }} />
      </Card>
      <Cards min="22rem">
        {!doc.override && <Card title={t('s.override')}><p className="qd-muted">{wordText('method', 'none')}</p></Card>}
        {sections.map((s) => <Card key={s} title={title[s]}><KeyValue items={rowsOf(doc[s], [s], lang)} /></Card>)}
        {loose.length > 0 && <Card title={t('s.more')}><KeyValue items={loose.flatMap((s) => rowsOf(doc[s], [s], lang))} /></Card>}
      </Cards>
    </>
  );
}

function RateOf({ rule: r, doc }: { rule: PlanRule; doc: PlanDoc }) {
  const { t } = useTranslation('office-plans');
  const pay = payOf(r);
  const currency = r.currency ?? doc.currency;
  const unit = t(`rateOf.${pay}`, { currency: currency === 'account' ? t('accountMoney') : currency });
  const one = (v: string) => (isShare(pay) ? <bdi dir="ltr">{toPercent(v)}</bdi> : <Price value={v} />);
  const tier = doc.tiers?.find((x) => x.id === r.tier);
  if (!tier) return <>{one(r.rate ?? '0')} <span className="qd-muted">{unit}</span></>;
  return (
    <span>
      {bandsOf(tier.thresholds ?? []).map((b, n) => <span key={n}>{n > 0 && ' · '}{one(r.rates?.[n] ?? '0')} <span className="qd-muted">{b.from === null ? `< ${b.to}` : `≥ ${b.from}`}</span></span>)} <span className="qd-muted">{unit}</span>
    </span>
  );
}

interface Row {
  label: ReactNode;
  value: ReactNode;
}

/** Any part of a document as rows of name and value; lists of parts one after another. */
function rowsOf(value: unknown, path: readonly string[], lang: string): Row[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) {
    if (value.every((v) => typeof v !== 'object')) return [{ label: fieldName(path), value: <bdi>{list(lang, value.map((v) => plainValue(v, path)))}</bdi> }];
    return value.flatMap((v) => rowsOf(v, path, lang));
  }
  if (typeof value === 'object') return Object.entries(value).flatMap(([k, v]) => rowsOf(v, [...path, k], lang));
  return [{ label: fieldName(path), value: <bdi>{plainValue(value, path)}</bdi> }];
}

function plainValue(value: unknown, path: readonly string[]): string {
  const last = path.at(-1) as string;
  const dotted = path.join('.');
  const two = path.slice(-2).join('.');
  if (typeof value === 'boolean') return serverText('office-partners', value ? 'plans.on' : 'plans.off');
  if (shares.has(last) || shares.has(dotted)) return `${toPercent(String(value))} %`;
  const kind = path[0] === 'terms' && termWords[last] ? last : (words[two] ?? words[dotted] ?? words[last]);
  return kind && hasText('office-plans', `word.${kind}.${String(value)}`) ? wordText(kind, String(value)) : String(value);
}
