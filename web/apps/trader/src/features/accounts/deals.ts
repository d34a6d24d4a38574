import { call, type Row } from '@qd/api';

export type Deal = Row<'/api/v1/me/accounts/{id}/deals'>;

/** All deals of a span, the oldest first, for a file or a statement. */
export async function allDeals(id: string, from: number | undefined, until: number | undefined): Promise<Deal[]> {
  const out: Deal[] = [];
  let cursor: string | undefined;
  do {
    const page = await call('get', '/api/v1/me/accounts/{id}/deals', { path: { id }, query: { limit: 200, cursor, from_us: from, to_us: until } });
    out.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor && out.length < 20_000);
  return out.filter((d) => !d.deleted).reverse();
}

export const resultOf = (d: Deal): number => d.profit_minor + d.commission_minor + d.swap_minor;

export interface Sums {
  trading: number;
  commission: number;
  swap: number;
  paidIn: number;
  paidOut: number;
  trades: number;
}

/** What a span of deals did to the balance. Minor units are whole numbers: these sums are exact. */
export function sumsOf(deals: readonly Deal[]): Sums {
  const sums: Sums = { trading: 0, commission: 0, swap: 0, paidIn: 0, paidOut: 0, trades: 0 };
  for (const d of deals) {
    if (d.kind === 'balance') {
      if (d.profit_minor >= 0) sums.paidIn += d.profit_minor;
      else sums.paidOut += d.profit_minor;
      continue;
    }
    if (d.kind === 'credit') continue;
    sums.trading += d.profit_minor;
    sums.commission += d.commission_minor;
    sums.swap += d.swap_minor;
    if (d.kind === 'trade') sums.trades += 1;
  }
  return sums;
}
