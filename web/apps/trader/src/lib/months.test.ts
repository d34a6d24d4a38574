import { expect, test } from 'vitest';
import { isMonth, lastMonths, monthSpan } from './months';

test('months go back over the turn of the year', () => {
  expect(lastMonths(3, 'UTC', Date.UTC(2026, 0, 5))).toEqual(['2026-01', '2025-12', '2025-11']);
});

test('a month ends where the next begins, at midnight of its zone', () => {
  const december = monthSpan('2025-12', 'Europe/Berlin');
  expect(december.until).toBe(monthSpan('2026-01', 'Europe/Berlin').from);
  expect(new Date(december.from / 1000).toISOString()).toBe('2025-11-30T23:00:00.000Z');
});

test('nothing but a month is taken from the address', () => {
  expect([isMonth('2026-11'), isMonth('2026-13'), isMonth('x'), isMonth(undefined)]).toEqual([true, false, false, false]);
});
