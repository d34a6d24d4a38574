import { describe, expect, it } from 'vitest';
import { lotsText } from './lib';

describe('volume for people', () => {
  it('reads hundred-millionths of a lot as decimal lots', () => {
    expect(lotsText(125_000_000)).toBe('1.25');
    expect(lotsText(1)).toBe('0.00000001');
    expect(lotsText(0)).toBe('0');
    expect(lotsText(-300_000_000)).toBe('-3');
    expect(lotsText(9_640_000_000)).toBe('96.4');
  });
});
