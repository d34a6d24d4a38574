import { describe, expect, it } from 'vitest';
import { lotsText, months, shareOf } from './lib';

describe('volume for people', () => {
  it('reads hundred-millionths of a lot as decimal lots', () => {
    expect(lotsText(125_000_000)).toBe('1.25');
    expect(lotsText(1)).toBe('0.00000001');
    expect(lotsText(0)).toBe('0');
    expect(lotsText(-300_000_000)).toBe('-3');
    expect(lotsText(9_640_000_000)).toBe('96.4');
  });
});

describe('months', () => {
  it('begins last month in the year before, in January', () => {
    const { last, current } = months(new Date('2027-01-31T23:59:59Z'));
    expect(new Date(last * 86_400_000).toISOString().slice(0, 10)).toBe('2026-12-01');
    expect(new Date(current * 86_400_000).toISOString().slice(0, 10)).toBe('2027-01-01');
  });
});

describe('shareOf', () => {
  it('stays between nothing and all', () => {
    expect(shareOf('96.40', '100')).toBeCloseTo(0.964);
    expect(shareOf('120', '100')).toBe(1);
    expect(shareOf('0', '0')).toBe(0);
  });
});
