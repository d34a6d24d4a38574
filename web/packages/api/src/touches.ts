/**
 * Which cached answers an event makes stale. An event carries its kind (`deposit.state`) and the
 * ids it is about; an address says which kinds show in its answer and, by its parameters, which
 * record it is about.
 */

/** An event of `/api/v1/events`, as far as screens need it. */
export interface LiveEvent {
  /** Position in the server's order. */
  id: string;
  kind: string;
  /** All ids of the event: of what it happened to, and of what it names. */
  ids: readonly string[];
  at_us: number;
}

/** `['/api/v1/clients/{id}', { path: { id }, query }]` */
export type QueryKey = readonly [path: string, input?: { path?: object; query?: object }];

/** The part of an event's kind before the dot. `*` is every event. */
export type Noun =
  | 'lead'
  | 'client'
  | 'kyc'
  | 'trading'
  | 'deals'
  | 'deposit'
  | 'withdrawal'
  | 'transfer'
  | 'platform_move'
  | 'dispute'
  | 'exception'
  | 'commission'
  | 'statement'
  | 'partner'
  | 'notification'
  | 'approval'
  | 'task'
  | 'ticket'
  | 'staff'
  | 'config'
  | '*';

/** Longest prefix wins. Addresses that are not listed follow no event. */
const SHOWS: readonly (readonly [prefix: string, nouns: readonly Noun[]])[] = [
  ['/auth', []],
  ['/public', []],
  ['/auth/me', ['client', 'staff']],
  ['/me', ['client', 'kyc', 'partner']],
  ['/me/accounts', ['trading', 'deals', 'transfer', 'deposit', 'withdrawal', 'platform_move']],
  ['/me/account-types', ['kyc', 'client']],
  ['/me/deposits', ['deposit']],
  ['/me/deposit-methods', []],
  ['/me/kyc', ['kyc']],
  ['/me/notifications', ['notification']],
  ['/me/partner', ['commission', 'statement', 'partner', 'client']],
  ['/me/questionnaire', ['kyc']],
  ['/me/timeline', ['*']],
  ['/me/tickets', ['ticket']],
  ['/me/transfers', ['transfer']],
  ['/me/wallet', ['deposit', 'withdrawal', 'transfer', 'platform_move', 'partner']],
  ['/me/withdrawals', ['withdrawal']],
  ['/accounts', ['trading', 'deals', 'platform_move', 'transfer']],
  ['/approvals', ['approval', 'withdrawal', 'partner', 'client']],
  ['/clients', ['lead', 'client']],
  ['/clients/{id}', ['*']],
  ['/commission-lines', ['commission']],
  ['/deposits', ['deposit', 'dispute']],
  ['/disputes', ['dispute', 'deposit']],
  ['/duplicates', ['client', 'lead']],
  ['/exceptions', ['exception']],
  ['/home', ['*']],
  ['/kyc', ['kyc']],
  ['/leads', ['lead', 'client']],
  ['/ledger', ['deposit', 'withdrawal', 'transfer', 'commission', 'partner']],
  ['/partners', ['partner', 'commission', 'statement']],
  ['/payouts', ['partner']],
  ['/reconciliation', ['exception', 'approval']],
  ['/statements', ['statement']],
  ['/tasks', ['task']],
  ['/tickets', ['ticket']],
  ['/trading', ['exception']],
  ['/transfers', ['transfer', 'platform_move']],
  ['/withdrawals', ['withdrawal']],
];

export function nounsOf(path: string): readonly Noun[] {
  const rest = path.replace(/^\/api\/v\d+/, '');
  let best: readonly Noun[] = [];
  let length = -1;
  for (const [prefix, nouns] of SHOWS) {
    if (prefix.length > length && (rest === prefix || rest.startsWith(`${prefix}/`))) {
      best = nouns;
      length = prefix.length;
    }
  }
  return best;
}

export function nounOf(kind: string): Noun {
  const noun = kind.split('.', 1)[0] as Noun;
  return noun === ('deal' as Noun) ? 'deals' : noun;
}

/** Whether an answer under this key may be another one after the event. */
export function touches(key: readonly unknown[], event: LiveEvent): boolean {
  const [path, input] = key as unknown as QueryKey;
  if (typeof path !== 'string') return false;
  const nouns = nounsOf(path);
  if (!nouns.includes('*') && !nouns.includes(nounOf(event.kind))) return false;
  const named = idsIn(input?.path);
  return named.length === 0 || named.some((id) => event.ids.includes(id));
}

/** Whether a write to `path` makes the answer under this key stale: they show a noun in common. */
export function sharesNoun(key: readonly unknown[], nouns: readonly Noun[]): boolean {
  const [path] = key as unknown as QueryKey;
  if (typeof path !== 'string') return false;
  const shown = nounsOf(path);
  return shown.includes('*') || nouns.includes('*') || shown.some((n) => nouns.includes(n));
}

const ID = /^[a-z]{2,5}_[0-9A-HJKMNP-TV-Z]{26}$/;

/** Record ids (`dep_…`) among the values of an object, at any depth. */
export function idsIn(value: unknown): string[] {
  if (typeof value === 'string') return ID.test(value) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(idsIn);
  if (value !== null && typeof value === 'object') return Object.values(value).flatMap(idsIn);
  return [];
}

/** Reads `{aggregate: "deposit:dep_…", at_us, payload}`. */
export function parseEvent(id: string, kind: string, data: string): LiveEvent | null {
  try {
    const body = JSON.parse(data) as { aggregate?: string; at_us?: number; payload?: unknown };
    const own = body.aggregate?.split(':')[1];
    const ids = new Set(idsIn(body.payload));
    if (own) ids.add(own);
    return { id, kind, ids: [...ids], at_us: Number(body.at_us ?? 0) };
  } catch {
    return null;
  }
}
