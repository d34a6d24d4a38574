import type { SearchState } from '@qd/ui';
import { isMonth, monthSpan } from '../../lib/months';
import type { Operation } from '../../lib/queries';

/** What of the history the address asks for. */
export function matching(rows: readonly Operation[], search: SearchState, zone: string): Operation[] {
  const span = isMonth(search.month) ? monthSpan(search.month, zone) : null;
  return rows.filter(
    (o) =>
      (!search.kind || o.kind === search.kind) &&
      (!search.state || search.state === (!o.ended ? 'open' : o.failed ? 'failed' : 'done')) &&
      (!search.account || (search.account === 'wallet' ? o.from === null && o.to === null : o.from === search.account || o.to === search.account)) &&
      (!span || (o.at >= span.from && o.at < span.until)),
  );
}

export interface Total {
  currency: string;
  in: bigint;
  out: bigint;
}

/** What came in and went out, by currency; what failed or is under way does not count. */
export function totalsOf(rows: readonly Operation[]): Total[] {
  const totals = new Map<string, Total>();
  for (const o of rows) {
    if (!o.ended || o.failed || o.kind === 'transfer') continue;
    const total = totals.get(o.amount.currency) ?? { currency: o.amount.currency, in: 0n, out: 0n };
    if (o.kind === 'deposit') total.in += BigInt(o.amount.minor) - BigInt(o.deposit?.returned.minor ?? 0);
    else total.out += BigInt(o.amount.minor);
    totals.set(o.amount.currency, total);
  }
  return [...totals.values()].sort((a, b) => a.currency.localeCompare(b.currency));
}
