import { expect, test } from 'vitest';
import { feeMinor, quickAmounts } from './amounts';

test('quick amounts lie inside the limits of the method, in its currency', () => {
  expect(quickAmounts(10_000, 10_000_000, 'EUR')).toEqual([10_000, 25_000, 50_000, 100_000]);
  expect(quickAmounts(30_000, 100_000, 'EUR')).toEqual([50_000, 100_000]);
  expect(quickAmounts(10_000, 100_000, 'JPY')).toEqual([10_000, 25_000, 50_000, 100_000]);
});

test('a fee is exact decimal arithmetic, rounded up to the smallest unit of the currency', () => {
  expect(feeMinor({ fee_percent: '2.9', fee_fixed: '0.30' }, 50_000, 'EUR')).toBe(1_480);
  expect(feeMinor({ fee_percent: '1.25', fee_fixed: null }, 10_001, 'EUR')).toBe(126);
  expect(feeMinor({ fee_percent: null, fee_fixed: '150' }, 10_000, 'JPY')).toBe(150);
  expect(feeMinor({ fee_percent: null, fee_fixed: null }, 10_000, 'EUR')).toBe(0);
});
