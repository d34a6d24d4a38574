import { isDecimal, payOf, tidy, type PlanDoc, type PlanRule } from './document';

/** One trade to try the plan with, and how much the partner has sent before it in the same month. */
export interface Sample {
  symbol: string;
  product_group: string;
  lots: string;
  before: string;
  seconds: number;
  country: string;
  account_type: string;
  group: string;
  levels: number;
  /** Asked for by some kinds of rate only. */
  pip: string;
  contract: string;
  bid: string;
  ask: string;
  average: string;
  markup: string;
  commission: string;
}

export const firstSample: Sample = { symbol: 'EURUSD', product_group: 'fx_majors', lots: '1.00', before: '', seconds: 3600, country: 'DE', account_type: '', group: '', levels: 3, pip: '0.0001', contract: '100000', bid: '1.08500', ask: '1.08512', average: '0.00012', markup: '0.00008', commission: '7.00' };

// The moment does not matter to the sums, only that one is before the other and in the same month.
const closed = Date.UTC(2026, 0, 15, 12);
const at = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The events file of the sample: the trade is ticket 2; ticket 1 stands for the lots before it. */
export function events(s: Sample, doc: PlanDoc, names: (level: number) => string) {
  const currency = doc.currency === 'account' ? 'USD' : doc.currency;
  const partners = Array.from({ length: s.levels }, (_, n) => ({ id: names(n + 1), currency, ...(n + 1 < s.levels ? { parent: names(n + 2) } : {}) }));
  const deal = (ticket: string, lots: string, ms: number) => ({
    ticket, client: 'client', symbol: s.symbol, product_group: s.product_group, lots, currency,
    opened_at: at(ms - s.seconds * 1000), at: at(ms),
    ...(s.country ? { country: s.country.toUpperCase() } : {}), ...(s.account_type ? { account_type: s.account_type } : {}), ...(s.group ? { group: s.group } : {}),
    ...facts(s, doc),
  });
  return {
    format: 1,
    partners,
    clients: [{ id: 'client', partner: names(1) }],
    deals: [...(isDecimal(s.before) && Number(s.before) > 0 ? [deal('1', s.before, closed - 86_400_000)] : []), deal('2', s.lots, closed)],
  };
}

/** Which further facts the plan's rates look at. */
export function asksOf(doc: PlanDoc) {
  const by = new Set((doc.rules ?? []).map(payOf));
  const measured = new Set((doc.tiers ?? []).map((x) => x.measure));
  const guard = !!doc.caps?.chain?.share || measured.has('net_revenue');
  const spread = by.has('spread') || by.has('markup');
  return {
    pip: by.has('pips') || !!doc.exclusions?.min_move_pips,
    contract: spread || guard || by.has('pips') || by.has('per_million') || measured.has('notional_usd'),
    spread: spread || !!doc.exclusions?.min_move_pips || !!doc.exclusions?.same_price || by.has('per_million'),
    markup: by.has('markup') || guard,
    commission: by.has('commission') || guard || !!doc.exclusions?.client_commission,
  };
}

/** What only some kinds of rate ask for; nothing the plan does not look at, so that older servers take it too. */
function facts(s: Sample, doc: PlanDoc): Record<string, unknown> {
  const asks = asksOf(doc);
  const n = (text: string) => (isDecimal(text) ? text : undefined);
  const market = { price: n(s.bid), bid: n(s.bid), ask: n(s.ask) };
  const out: Record<string, unknown> = {
    ...(asks.pip || asks.contract || asks.spread ? { price_currency: s.symbol.length === 6 ? s.symbol.slice(3) : 'USD' } : {}),
    ...(asks.pip && n(s.pip) ? { pip_size: s.pip } : {}),
    ...(asks.contract && n(s.contract) ? { contract_size: s.contract } : {}),
    ...(asks.spread && market.bid && market.ask ? { open: market, close: market } : {}),
    ...(asks.spread && n(s.average) ? { average_spread: s.average } : {}),
    ...(asks.markup && n(s.markup) ? { markup: s.markup } : {}),
    ...(asks.commission && n(s.commission) ? { commission: s.commission } : {}),
  };
  return out;
}

const complete = (r: PlanRule): boolean => r.id.trim() !== '' && (r.tier ? (r.rates ?? []).every(isDecimal) : isDecimal(r.rate ?? ''));

/** The plan as it is tried: rules still being typed are left out, so that the others answer. `place` says where a rule of it stands in the document. */
export function tried(doc: PlanDoc): { plan: PlanDoc; place: readonly number[] } {
  const rules = doc.rules ?? [];
  const whole = rules.flatMap((r, at) => (complete(r) ? [at] : []));
  const place = whole.length > 0 ? whole : rules.map((_, at) => at);
  return { plan: tidy({ ...doc, name: doc.name.trim() || 'preview', rules: place.map((at) => rules[at] as PlanRule) }), place };
}

/** Whether the plan says anything yet: an empty one is no fault of the person who writes it. */
export const says = (doc: PlanDoc): boolean => (doc.rules ?? []).some(complete) || doc.cpa !== undefined || doc.revenue_share !== undefined;

export const ready = (s: Sample): boolean => s.symbol.trim() !== '' && isDecimal(s.lots) && (s.before === '' || isDecimal(s.before)) && /^([A-Za-z]{2})?$/.test(s.country);
