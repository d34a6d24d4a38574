import { expect, test } from 'vitest';
import type { Operation } from '../../lib/queries';
import { matching, totalsOf } from './history';

const op = (over: Partial<Operation>): Operation => ({
  kind: 'deposit', id: 'x', at: Date.UTC(2026, 10, 5) * 1000, amount: { minor: 100, currency: 'EUR' }, state: 'posted', from: null, to: 'tacc_1', method: 'card', ended: true, failed: false, ...over,
});

test('filters of the address go together', () => {
  const rows = [op({ id: 'a' }), op({ id: 'b', kind: 'withdrawal', from: 'tacc_1', to: null, ended: false }), op({ id: 'c', at: Date.UTC(2026, 9, 31, 23) * 1000 })];
  expect(matching(rows, { month: '2026-11', account: 'tacc_1' }, 'UTC').map((o) => o.id)).toEqual(['a', 'b']);
  expect(matching(rows, { state: 'open' }, 'UTC').map((o) => o.id)).toEqual(['b']);
  expect(matching(rows, { month: '2026-11' }, 'Europe/Berlin').map((o) => o.id)).toEqual(['a', 'b', 'c']);
});

test('totals count what has arrived, and nothing twice', () => {
  const rows = [op({}), op({ failed: true }), op({ kind: 'withdrawal', amount: { minor: 30, currency: 'EUR' } }), op({ kind: 'transfer' }), op({ ended: false })];
  expect(totalsOf(rows)).toEqual([{ currency: 'EUR', in: 100n, out: 30n }]);
});
