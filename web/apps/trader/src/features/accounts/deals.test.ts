import { expect, test } from 'vitest';
import { type Deal, sumsOf } from './deals';

const deal = (kind: string, profit: number, commission = 0, swap = 0) => ({ kind, profit_minor: profit, commission_minor: commission, swap_minor: swap }) as Deal;

test('a statement keeps money paid in and out apart from what trading did', () => {
  expect(sumsOf([deal('balance', 50_000), deal('trade', -1_200, -70, -5), deal('trade', 300), deal('balance', -4_000), deal('credit', 999)])).toEqual({
    trading: -900, commission: -70, swap: -5, paidIn: 50_000, paidOut: -4_000, trades: 2,
  });
});
