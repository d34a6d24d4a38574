/** A plan as the server's schema has it (`quarterdeck commissions schema plan`). Decimals are text, shares "0.20" for 20 %. */
export const pays = ['per_lot', 'pips', 'per_million', 'spread', 'markup', 'commission'] as const;
export type Pay = (typeof pays)[number];
export const methods = ['fixed', 'differential', 'percent_of_child', 'multiplier', 'pool'] as const;
export type Method = (typeof methods)[number];
export const scopeParts = ['symbols', 'product_groups', 'account_types', 'groups', 'countries', 'entities'] as const;
export const moreScope = ['regions', 'brands', 'servers', 'languages', 'partner_countries', 'partners', 'campaigns', 'tags', 'directions'] as const;
export type ScopePart = (typeof scopeParts)[number] | (typeof moreScope)[number];

export interface PlanRule {
  id: string;
  kind?: 'base' | 'promotion' | 'per_lot';
  pay?: Pay;
  when?: 'close' | 'open' | 'both';
  level?: number;
  rate?: string;
  tier?: string;
  rates?: string[];
  currency?: string;
  spread_at?: 'open' | 'close' | 'half';
  damped?: boolean;
  markup_of?: 'measured' | 'configured';
  after?: 'qualification';
  cap_per_order?: string;
  scope?: Partial<Record<ScopePart, string[]>>;
  valid_from?: string;
  valid_to?: string;
}
export interface PlanOverride {
  method: Method;
  of?: 'next' | 'direct';
  base?: 'gross' | 'net';
  levels?: string[];
  tier?: string;
  ratios?: string[];
  personal?: { partner: string; ratio: string }[];
  weights?: string[];
}
export interface PlanTier {
  id: string;
  measure?: string;
  window?: string;
  scope?: string;
  kind?: string;
  thresholds?: string[];
  active_lots?: string;
}
export interface PlanDoc {
  format: 1;
  name: string;
  note?: string;
  currency: string;
  scope?: { entities?: string[]; countries?: string[]; forbidden?: { country: string; source: string }[] };
  rules?: PlanRule[];
  override?: PlanOverride;
  exclusions?: Record<string, unknown>;
  volume_factors?: { account_types?: string[]; groups?: string[]; factor: string }[];
  tiers?: PlanTier[];
  regions?: { name: string; countries?: string[] }[];
  caps?: { per_order?: string; per_client_month?: string; chain?: { share: string; cut?: string } };
  client_rebates?: { percent?: string; per_lot?: string; tags?: string[]; groups?: string[] }[];
  minimum_posting?: string;
  terms?: Record<string, unknown>;
  cpa?: Record<string, unknown>;
  revenue_share?: Record<string, unknown>;
  hybrid?: string;
  chargeback?: string;
}

export const emptyPlan: PlanDoc = { format: 1, name: '', currency: 'USD', rules: [{ id: 'fx', kind: 'base', pay: 'per_lot', rate: '' }] };

/** What a rule is paid by, also where it is written the old way. */
export const payOf = (r: PlanRule): Pay => r.pay ?? 'per_lot';
/** Whether its rate is a share: typed in percent. */
export const isShare = (p: Pay): boolean => p === 'spread' || p === 'markup' || p === 'commission';

export type Path = readonly (string | number)[];
const isMap = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === 'object' && !Array.isArray(v);

export function get(doc: unknown, path: Path): unknown {
  let here = doc;
  for (const step of path) here = typeof step === 'number' ? (Array.isArray(here) ? here[step] : undefined) : isMap(here) ? here[step] : undefined;
  return here;
}

/** The document with one place changed. `undefined` takes a field out; a section that is left empty goes with it. */
export function put<T>(doc: T, path: Path, value: unknown): T {
  return change(doc, path, value) as T;
}
function change(doc: unknown, path: Path, value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (typeof first === 'number') {
    const list = Array.isArray(doc) ? [...(doc as unknown[])] : [];
    if (rest.length === 0 && value === undefined) return list.filter((_, at) => at !== first);
    list[first] = change(list[first], rest, value);
    return list;
  }
  const map = isMap(doc) ? doc : {};
  const inner = change(map[first], rest, value);
  if (inner === undefined || (rest.length > 0 && typeof rest[0] === 'string' && isMap(inner) && Object.keys(inner).length === 0)) {
    const { [first]: _, ...others } = map;
    return others;
  }
  return { ...map, [first]: inner };
}

export const pointerOf = (path: Path): string => path.map((step) => `/${step}`).join('');

/** "0.20" -> "20": shares are typed and shown in percent, kept as decimal text. Shifts the point, no arithmetic. */
export function toPercent(share: string): string {
  const match = share.match(/^(\d+)(?:\.(\d+))?$/);
  if (!match) return share;
  const digits = (match[2] ?? '').padEnd(2, '0');
  const whole = `${match[1]}${digits.slice(0, 2)}`.replace(/^0+(?=\d)/, '');
  const rest = digits.slice(2).replace(/0+$/, '');
  return rest ? `${whole}.${rest}` : whole;
}

/** "20" -> "0.20"; null while it is no number. */
export function fromPercent(percent: string): string | null {
  const match = percent.trim().replace(',', '.').match(/^(\d+)(?:\.(\d+))?$/);
  if (!match) return null;
  const padded = (match[1] as string).padStart(3, '0');
  return `${padded.slice(0, -2).replace(/^0+(?=\d)/, '')}.${padded.slice(-2)}${match[2] ?? ''}`;
}

/** Decimal text as the server takes it, from what a person typed. */
export const decimal = (typed: string): string => typed.trim().replace(',', '.');
export const isDecimal = (text: string): boolean => /^\d+(\.\d{1,12})?$/.test(text);

/** Without empty parts: an empty list or text means the same as none, and rules say what they pay by. */
export function tidy(doc: PlanDoc): PlanDoc {
  const rules = (doc.rules ?? []).map((r) => (r.kind === 'per_lot' ? r : { ...r, kind: r.kind ?? 'base', pay: payOf(r) }));
  const caps = doc.caps?.chain?.share ? doc.caps : { ...doc.caps, chain: undefined };
  return { ...(bare({ ...doc, caps, rules: [] }) as object), format: 1, name: doc.name.trim(), currency: doc.currency, rules: rules.map((r) => bare(r) as PlanRule) };
}
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isMap(value)) return value;
  const kept = Object.entries(value).flatMap(([key, v]) => {
    const inner = bare(v);
    if (inner === undefined || inner === null || inner === '' || (Array.isArray(inner) && inner.length === 0)) return [];
    // A section without a word in it says nothing; a programme's presence does.
    if (isMap(inner) && Object.keys(inner).length === 0 && !['cpa', 'revenue_share', 'net'].includes(key)) return [];
    return [[key, inner] as const];
  });
  return Object.fromEntries(kept);
}

/** How one band reads: from, up to. */
export const bandsOf = (thresholds: readonly string[]): { from: string | null; to: string | null }[] => [...thresholds, null].map((to, at) => ({ from: at === 0 ? null : (thresholds[at - 1] ?? null), to }));
