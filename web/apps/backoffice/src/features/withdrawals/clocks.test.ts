import { describe, expect, it } from 'vitest';
import { deskClocks } from './clocks';

const s = 1_000_000;

describe('the clocks of the two desks', () => {
  it('give each desk the time it had the case, over several hand-overs', () => {
    const lines = [
      { at_us: 100 * s, state: 'review', desk: 'finance' },
      { at_us: 160 * s, state: 'review', desk: 'compliance' },
      { at_us: 170 * s, state: 'review', desk: 'compliance' },
      { at_us: 190 * s, state: 'review', desk: 'finance' },
    ];
    expect(deskClocks(lines, 200 * s)).toEqual({ finance: 70, compliance: 30 });
  });
  it('stand still once the decision is there', () => {
    const lines = [
      { at_us: 50 * s, state: 'paying', desk: 'finance' },
      { at_us: 10 * s, state: 'review', desk: 'finance' },
    ];
    expect(deskClocks(lines, 900 * s)).toEqual({ finance: 40 });
  });
  it('do not run for a withdrawal that no person looked at', () => {
    expect(deskClocks([{ at_us: 1, state: 'deciding', desk: 'finance' }], 5 * s)).toEqual({});
  });
});
