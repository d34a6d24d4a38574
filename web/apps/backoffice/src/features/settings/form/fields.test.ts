import { describe, expect, it } from 'vitest';
import { below, percentOf, read, shareOf, write } from './fields';

describe('a setting as a form', () => {
  it('changes one place and keeps what it does not know', () => {
    expect(write({ a: 1, new_part: { x: 1 } }, ['a'], 2)).toEqual({ a: 2, new_part: { x: 1 } });
    expect(write({ rates: { USD: '1.1' } }, ['rates', 'GBP'], '0.8')).toEqual({ rates: { USD: '1.1', GBP: '0.8' } });
    expect(write({ zone: 'UTC', logo: 'x' }, ['zone'], undefined)).toEqual({ logo: 'x' });
    expect(write(90, [], 120)).toBe(120);
  });
  it('shows the built-in value where the document says nothing', () => {
    expect(read({}, ['review_hours'], { review_hours: 8 })).toBe(8);
    expect(read({ review_hours: 4 }, ['review_hours'], { review_hours: 8 })).toBe(4);
  });
  it('finds the problems that belong to a field', () => {
    expect(below({ '/rates/USD': 'rate_not_positive', '/base': 'x' }, ['rates'])).toEqual({ USD: 'rate_not_positive' });
    expect(below({ '': 'limit_out_of_range' }, [])).toEqual({ '': 'limit_out_of_range' });
  });
  it('shows shares as per cent without ever counting in floats', () => {
    expect(['0.015', '0.10', '0', '1', '0.000001'].map(percentOf)).toEqual(['1.5', '10', '0', '100', '0.0001']);
    expect(['1.5', '10', '0', '100', '0.0001', '7.', '.5'].map(shareOf)).toEqual(['0.015', '0.1', '0', '1', '0.000001', '0.07', '0.005']);
    expect(shareOf('ten')).toBe('ten');
  });
});
