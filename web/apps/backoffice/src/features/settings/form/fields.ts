/** What each setting the program reads looks like as a form. The words are in `office-settings:<slug>.<name>`. */
interface Base {
  /** Where it stands in the document; [] is the whole of it. */
  at: readonly string[];
  /** The key of its words below the setting's slug. */
  name: string;
}
export type Unit = 'days' | 'hours' | 'minutes' | 'bytes' | 'points';
export type Choices = 'check_kind' | 'module' | 'rounding' | 'blocked' | 'symbol_group';
export type Field =
  | (Base & { kind: 'whole'; unit: Unit; min: number; max: number })
  | (Base & { kind: 'yes' })
  | (Base & { kind: 'text'; ltr?: boolean; optional?: boolean })
  | (Base & { kind: 'one' | 'many'; choices: Choices })
  | (Base & { kind: 'names' })
  /** A table of code and text: rates by currency, groups by symbol. */
  | (Base & { kind: 'pairs'; value: 'rate' | 'code' })
  /** Minutes for each priority. */
  | (Base & { kind: 'byPriority' })
  | (Base & { kind: 'image' })
  | (Base & { kind: 'providers' })
  | (Base & { kind: 'routes' });

export interface Form {
  slug: string;
  fields: readonly Field[];
}

const forms: Record<string, Form> = {
  'fx.rates': {
    slug: 'rates',
    fields: [
      { at: ['base'], name: 'base', kind: 'text', ltr: true },
      { at: ['source'], name: 'source', kind: 'text' },
      { at: ['rates'], name: 'rates', kind: 'pairs', value: 'rate' },
    ],
  },
  'symbols.groups': { slug: 'groups', fields: [{ at: [], name: 'groups', kind: 'pairs', value: 'code' }] },
  'brand.face': {
    slug: 'face',
    fields: [
      { at: ['support_email'], name: 'mail', kind: 'text', ltr: true, optional: true },
      { at: ['zone'], name: 'zone', kind: 'text', ltr: true, optional: true },
      { at: ['modules'], name: 'modules', kind: 'many', choices: 'module' },
      { at: ['logo'], name: 'logo', kind: 'image' },
    ],
  },
  'kyc.policy': {
    slug: 'kyc',
    fields: [
      { at: ['auto_approve_low_risk'], name: 'auto', kind: 'yes' },
      { at: ['required_checks'], name: 'checks', kind: 'many', choices: 'check_kind' },
      { at: ['declared_data_counts'], name: 'declared', kind: 'yes' },
      { at: ['review_hours'], name: 'hours', kind: 'whole', unit: 'hours', min: 1, max: 720 },
      { at: ['high_risk_review_hours'], name: 'highHours', kind: 'whole', unit: 'hours', min: 1, max: 720 },
      { at: ['min_file_bytes'], name: 'bytes', kind: 'whole', unit: 'bytes', min: 0, max: 5_000_000 },
      { at: ['providers'], name: 'providers', kind: 'providers' },
    ],
  },
  'kyc.risk.bands': {
    slug: 'bands',
    fields: [
      { at: ['low_below'], name: 'low', kind: 'whole', unit: 'points', min: 0, max: 1000 },
      { at: ['high_from'], name: 'high', kind: 'whole', unit: 'points', min: 0, max: 1000 },
    ],
  },
  'kyc.watchlist': { slug: 'watchlist', fields: [{ at: ['names'], name: 'names', kind: 'names' }] },
  'clients.dormant_days': { slug: 'dormant', fields: [{ at: [], name: 'days', kind: 'whole', unit: 'days', min: 1, max: 3650 }] },
  'clients.churned_days': { slug: 'churned', fields: [{ at: [], name: 'days', kind: 'whole', unit: 'days', min: 1, max: 3650 }] },
  'tickets.clocks': {
    slug: 'clocks',
    fields: [
      { at: ['first_reply_minutes'], name: 'first', kind: 'byPriority' },
      { at: ['resolve_minutes'], name: 'resolve', kind: 'byPriority' },
      { at: ['close_after_days'], name: 'close', kind: 'whole', unit: 'days', min: 1, max: 365 },
    ],
  },
  'tickets.routing': { slug: 'routing', fields: [{ at: [], name: 'routes', kind: 'routes' }] },
  commission: {
    slug: 'commission',
    fields: [
      { at: ['rounding'], name: 'rounding', kind: 'one', choices: 'rounding' },
      { at: ['blocked'], name: 'blocked', kind: 'one', choices: 'blocked' },
    ],
  },
};

export const formOf = (key: string): Form | undefined => forms[key];

export const choicesOf: Record<Choices, readonly string[]> = {
  check_kind: ['data_complete', 'document_quality', 'data_match', 'screening', 'duplicate', 'device_location'],
  module: ['accounts', 'deposits', 'withdrawals', 'transfers', 'documents', 'partner', 'support'],
  rounding: ['line', 'carry'],
  blocked: ['keep', 'pass_up'],
  symbol_group: [],
};
export const priorities = ['low', 'normal', 'high', 'urgent'] as const;
export const categories = ['deposit', 'withdrawal', 'kyc', 'account', 'partner', 'other'] as const;

type Doc = Record<string, unknown>;
const isDoc = (value: unknown): value is Doc => value !== null && typeof value === 'object' && !Array.isArray(value);

/** What stands at a place; `standard` answers for what the document leaves out. */
export function read(doc: unknown, at: readonly string[], standard?: unknown): unknown {
  let here = doc;
  for (const step of at) here = isDoc(here) ? here[step] : undefined;
  return here === undefined && standard !== undefined ? read(standard, at) : here;
}

/** The document with one place changed; `undefined` takes it out. Everything else stays, known here or not. */
export function write(doc: unknown, at: readonly string[], value: unknown): unknown {
  const [first, ...rest] = at;
  if (first === undefined) return value;
  const now = isDoc(doc) ? doc : {};
  const inner = write(now[first], rest, value);
  if (inner !== undefined) return { ...now, [first]: inner };
  const { [first]: _, ...others } = now;
  return others;
}

/** The part of a server's pointers that lies below a place: `/value/rates/USD` below `['rates']` is `USD`. */
export function below(errors: Readonly<Record<string, string>>, at: readonly string[]): Readonly<Record<string, string>> {
  const here = at.map((step) => `/${step}`).join('');
  return Object.fromEntries(Object.entries(errors).flatMap(([pointer, code]) => (pointer === here ? [['', code]] : pointer.startsWith(`${here}/`) ? [[pointer.slice(here.length + 1), code]] : [])));
}
