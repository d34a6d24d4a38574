import { expect, test } from 'vitest';
import { quickAmounts } from './amounts';

test('quick amounts lie inside the limits of the method, in its currency', () => {
  expect(quickAmounts(10_000, 10_000_000, 'EUR')).toEqual([10_000, 25_000, 50_000, 100_000]);
  expect(quickAmounts(30_000, 100_000, 'EUR')).toEqual([50_000, 100_000]);
  expect(quickAmounts(10_000, 100_000, 'JPY')).toEqual([10_000, 25_000, 50_000, 100_000]);
});
