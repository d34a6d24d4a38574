import { describe, expect, it } from 'vitest';
import { emptyPlan, fromPercent, tidy, toPercent } from './document';

describe('shares of a plan', () => {
  it('are shown in percent and kept as decimal text, exactly', () => {
    for (const [share, percent] of [['0.20', '20'], ['0.1', '10'], ['0.125', '12.5'], ['1', '100'], ['0.05', '5'], ['0', '0']] as const) expect(toPercent(share)).toBe(percent);
    for (const [percent, share] of [['20', '0.20'], ['12.5', '0.125'], ['12,5', '0.125'], ['100', '1.00'], ['5', '0.05'], ['0', '0.00']] as const) expect(fromPercent(percent)).toBe(share);
    expect(fromPercent('a lot')).toBeNull();
  });
});

describe('a plan as it is sent', () => {
  it('has no empty scopes: they would mean the same as none', () => {
    const sent = tidy({ ...emptyPlan, name: ' A ', rules: [{ id: 'fx', kind: 'per_lot', rate: '8', scope: { symbols: [], countries: ['DE'] } }, { id: 'x', kind: 'per_lot', rate: '1', scope: {} }] });
    expect(sent.name).toBe('A');
    expect(sent.rules).toEqual([{ id: 'fx', kind: 'per_lot', rate: '8', scope: { countries: ['DE'] } }, { id: 'x', kind: 'per_lot', rate: '1' }]);
  });
});
