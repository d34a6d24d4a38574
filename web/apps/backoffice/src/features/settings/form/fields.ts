/** What each setting the program reads looks like as a form. The words are in `office-settings:<slug>.<name>`. */
interface Base {
  /** Where it stands in the document; [] is the whole of it. */
  at: readonly string[];
  /** The key of its words below the setting's slug. */
  name: string;
  /** As wide as the form, where others stand side by side. */
  wide?: boolean;
}
export type Unit = 'days' | 'months' | 'hours' | 'minutes' | 'bytes' | 'points';
export type Choices = 'check_kind' | 'module' | 'rounding' | 'blocked' | 'symbol_group' | 'calendar' | 'pay_basis' | 'fee_bearer' | 'invoicing' | 'line_kind' | 'model' | 'lock' | 'cross_brand' | 'leaving' | 'shared_mark' | 'shown' | 'paid_role' | 'pay_kind' | 'input';
export type Field =
  | (Base & { kind: 'whole'; unit: Unit; min: number; max: number })
  | (Base & { kind: 'yes' })
  /** `decimal`: a comma typed is a point; `upper`: a code in capitals. */
  | (Base & { kind: 'text'; ltr?: boolean; optional?: boolean; decimal?: boolean; upper?: boolean })
  | (Base & { kind: 'one' | 'many'; choices: Choices; optional?: boolean })
  /** Typed as per cent, kept as a share: 10 is `0.1`. */
  | (Base & { kind: 'share' })
  | (Base & { kind: 'names' })
  /** Of the house: one entity, several, a country of those it serves or not. */
  | (Base & { kind: 'entity' | 'entities' | 'country' })
  /** A table of code and text: rates by currency, groups by symbol. `free`: codes as they are typed. */
  | (Base & { kind: 'pairs'; value: 'rate' | 'code'; free?: boolean })
  /** Minutes for each priority. */
  | (Base & { kind: 'byPriority' })
  /** Days for each of some choices. */
  | (Base & { kind: 'days'; choices: Choices; max: number })
  /** A list of entries, or entries by a name, each with fields of its own; `fresh` is a new one. */
  | (Base & { kind: 'rows'; named: boolean; fields: readonly Field[]; fresh: unknown })
  | (Base & { kind: 'destination' })
  | (Base & { kind: 'image' })
  | (Base & { kind: 'providers' })
  | (Base & { kind: 'routes' });

export interface Form {
  slug: string;
  fields: readonly Field[];
  /** What the document leaves out is said by the next wider one, field by field. */
  inherits?: boolean;
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
  'symbols.terms': {
    slug: 'symbol',
    fields: [
      {
        at: [],
        name: 'symbols',
        kind: 'rows',
        named: true,
        fresh: {},
        fields: [
          { at: ['pip_size'], name: 'pip', kind: 'text', ltr: true, optional: true, decimal: true },
          { at: ['currency'], name: 'currency', kind: 'text', ltr: true, optional: true, upper: true },
          { at: ['average_spread'], name: 'spread', kind: 'text', ltr: true, optional: true, decimal: true },
          { at: ['markups'], name: 'markups', kind: 'pairs', value: 'rate', free: true, wide: true },
        ],
      },
    ],
  },
  'commission.guard': {
    slug: 'guard',
    fields: [
      {
        at: ['forbidden'],
        name: 'forbidden',
        kind: 'rows',
        named: false,
        fresh: { role: 'partner', pays: [], source: '' },
        fields: [
          { at: ['country'], name: 'country', kind: 'country' },
          { at: ['entity'], name: 'entity', kind: 'entity' },
          { at: ['role'], name: 'role', kind: 'one', choices: 'paid_role' },
          { at: ['pays'], name: 'pays', kind: 'many', choices: 'pay_kind' },
          { at: ['source'], name: 'source', kind: 'text', wide: true },
        ],
      },
      { at: ['cyprus_entities'], name: 'cyprus', kind: 'entities' },
    ],
  },
  'commission.feeds': {
    slug: 'feeds',
    fields: [{ at: ['servers'], name: 'servers', kind: 'rows', named: true, fresh: [], fields: [{ at: [], name: 'inputs', kind: 'many', choices: 'input' }] }],
  },
  attribution: {
    slug: 'attribution',
    fields: [
      { at: ['model'], name: 'model', kind: 'one', choices: 'model' },
      { at: ['lock'], name: 'lock', kind: 'one', choices: 'lock' },
      { at: ['cookie_days'], name: 'cookie', kind: 'whole', unit: 'days', min: 1, max: 730 },
      { at: ['claim_days'], name: 'claim', kind: 'whole', unit: 'days', min: 0, max: 3650 },
      { at: ['cross_brand'], name: 'brand', kind: 'one', choices: 'cross_brand' },
      { at: ['leaving'], name: 'leaving', kind: 'one', choices: 'leaving' },
      { at: ['trail_months'], name: 'trail', kind: 'whole', unit: 'months', min: 1, max: 120 },
      { at: ['hold_on'], name: 'hold', kind: 'many', choices: 'shared_mark' },
    ],
  },
  partner_privacy: {
    slug: 'privacy',
    fields: [
      { at: ['name'], name: 'name', kind: 'one', choices: 'shown' },
      { at: ['email'], name: 'email', kind: 'one', choices: 'shown' },
      { at: ['country'], name: 'country', kind: 'yes' },
      { at: ['steps'], name: 'steps', kind: 'yes' },
    ],
  },
  partner_terms: {
    slug: 'terms',
    inherits: true,
    fields: [
      { at: ['calendar'], name: 'calendar', kind: 'one', choices: 'calendar' },
      { at: ['time_zone'], name: 'zone', kind: 'text', ltr: true, optional: true },
      { at: ['pay'], name: 'pay', kind: 'one', choices: 'pay_basis' },
      { at: ['hold_days'], name: 'hold', kind: 'whole', unit: 'days', min: 0, max: 730 },
      { at: ['hold_days_of'], name: 'holdOf', kind: 'days', choices: 'line_kind', max: 730 },
      { at: ['reserve'], name: 'reserve', kind: 'share' },
      { at: ['reserve_days'], name: 'reserveDays', kind: 'whole', unit: 'days', min: 0, max: 730 },
      { at: ['minimum'], name: 'minimum', kind: 'pairs', value: 'rate' },
      { at: ['fee'], name: 'fee', kind: 'share' },
      { at: ['fee_fixed'], name: 'fixed', kind: 'pairs', value: 'rate' },
      { at: ['fee_bearer'], name: 'bearer', kind: 'one', choices: 'fee_bearer' },
      { at: ['withholding_tax'], name: 'tax', kind: 'share' },
      { at: ['invoicing'], name: 'invoicing', kind: 'one', choices: 'invoicing' },
    ],
  },
  partner_bank: {
    slug: 'bank',
    fields: [
      { at: ['name'], name: 'name', kind: 'text' },
      { at: ['iban'], name: 'iban', kind: 'text', ltr: true, upper: true },
      { at: ['bic'], name: 'bic', kind: 'text', ltr: true, upper: true, optional: true },
      { at: ['connection'], name: 'connection', kind: 'text', ltr: true },
    ],
  },
};

/** What a partner's contract may say: the house's terms, and what only a partner has. */
export const contractForm: Form = {
  slug: 'terms',
  inherits: true,
  fields: [
    ...(forms.partner_terms?.fields ?? []),
    { at: ['destination'], name: 'destination', kind: 'destination' },
    { at: ['kyb_reference'], name: 'kyb', kind: 'text', optional: true },
  ],
};

export const formOf = (key: string): Form | undefined => forms[key];

export const choicesOf: Record<Choices, readonly string[]> = {
  check_kind: ['data_complete', 'document_quality', 'data_match', 'screening', 'duplicate', 'device_location'],
  module: ['accounts', 'deposits', 'withdrawals', 'transfers', 'documents', 'partner', 'support'],
  rounding: ['line', 'carry'],
  blocked: ['keep', 'pass_up'],
  symbol_group: [],
  calendar: ['daily', 'weekly', 'twice_monthly', 'monthly'],
  pay_basis: ['closed', 'live'],
  fee_bearer: ['partner', 'house'],
  invoicing: ['none', 'invoice', 'self_billing'],
  line_kind: ['accrual', 'reversal', 'true_up', 'adjustment', 'cpa', 'revenue_share', 'clawback'],
  model: ['code_before_cookie', 'first', 'last', 'last_non_direct', 'manual'],
  lock: ['registration', 'kyc_approved', 'ftd'],
  cross_brand: ['new', 'keep'],
  leaving: ['house', 'parent', 'trail'],
  shared_mark: ['email', 'email_pattern', 'phone', 'device', 'ip', 'address', 'card', 'bank', 'document', 'family_name'],
  shown: ['nothing', 'masked', 'full'],
  paid_role: ['partner', 'client', 'staff'],
  pay_kind: ['per_lot', 'per_million', 'pips', 'spread', 'markup', 'commission', 'client_rebate', 'cpa', 'revenue_share'],
  input: ['open_time', 'open_price', 'close_price', 'spread_open', 'spread_close', 'average_spread', 'raw_spread_open', 'raw_spread_close', 'markup', 'commission', 'contract_size', 'price_currency', 'pip_size', 'equity', 'negative_balance', 'direction', 'opening_deals', 'revenue', 'funded_at', 'brand', 'language', 'campaign', 'tags', 'partner_country', 'server_time', 'qualification'],
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

/** `0.015` -> `1.5`: decimal text all the way, per cent are no floats. */
export function percentOf(share: string): string {
  return moved(share, 2);
}

/** `1.5` -> `0.015`; what is no number stays for the server to name. */
export function shareOf(percent: string): string {
  return moved(percent, -2);
}

function moved(text: string, places: number): string {
  const [, whole = '', part = ''] = /^(\d*)(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole + part === '') return text;
  const digits = '0'.repeat(Math.max(0, -places)) + whole + part + '0'.repeat(Math.max(0, places));
  const point = Math.max(0, -places) + whole.length + places;
  const head = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0';
  const tail = digits.slice(point).replace(/0+$/, '');
  return tail ? `${head}.${tail}` : head;
}
