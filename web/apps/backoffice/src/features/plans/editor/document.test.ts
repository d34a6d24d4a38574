import { describe, expect, it } from 'vitest';
import { bandsOf, emptyPlan, fromPercent, get, put, tidy, toPercent } from './document';

describe('shares of a plan', () => {
  it('are shown in percent and kept as decimal text, exactly', () => {
    for (const [share, percent] of [['0.20', '20'], ['0.1', '10'], ['0.125', '12.5'], ['1', '100'], ['0.05', '5'], ['0', '0']] as const) expect(toPercent(share)).toBe(percent);
    for (const [percent, share] of [['20', '0.20'], ['12.5', '0.125'], ['12,5', '0.125'], ['100', '1.00'], ['5', '0.05'], ['0', '0.00']] as const) expect(fromPercent(percent)).toBe(share);
    expect(fromPercent('a lot')).toBeNull();
  });
});

describe('a plan as it is sent', () => {
  it('has no empty scopes: they would mean the same as none', () => {
    const sent = tidy({ ...emptyPlan, name: ' A ', rules: [{ id: 'fx', kind: 'base', pay: 'per_lot', rate: '8', scope: { symbols: [], countries: ['DE'] } }, { id: 'x', kind: 'per_lot', rate: '1', scope: {} }] });
    expect(sent.name).toBe('A');
    expect(sent.rules).toEqual([{ id: 'fx', kind: 'base', pay: 'per_lot', rate: '8', scope: { countries: ['DE'] } }, { id: 'x', kind: 'per_lot', rate: '1' }]);
  });
  it('keeps a programme that is there and nothing of a section that says nothing', () => {
    const sent = tidy({ ...emptyPlan, name: 'A', exclusions: {}, caps: { per_order: '' }, cpa: { kyc: 'inside_window' } });
    expect(Object.keys(sent).sort()).toEqual(['cpa', 'currency', 'format', 'name', 'rules']);
  });
});

describe('a place in a plan', () => {
  it('is changed alone, also inside lists', () => {
    const doc = { tiers: [{ id: 'a', thresholds: ['100', '300'] }] };
    expect(put(doc, ['tiers', 0, 'thresholds', 1], '500')).toEqual({ tiers: [{ id: 'a', thresholds: ['100', '500'] }] });
    expect(put(doc, ['tiers', 0, 'thresholds', 0], undefined)).toEqual({ tiers: [{ id: 'a', thresholds: ['300'] }] });
    expect(put({ caps: { per_order: '5' } }, ['caps', 'per_order'], undefined)).toEqual({});
    expect(get(doc, ['tiers', 0, 'id'])).toBe('a');
  });
  it('has one band more than thresholds', () => {
    expect(bandsOf(['100', '300'])).toEqual([{ from: null, to: '100' }, { from: '100', to: '300' }, { from: '300', to: null }]);
  });
});
