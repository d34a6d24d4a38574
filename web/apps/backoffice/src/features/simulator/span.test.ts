import { describe, expect, it } from 'vitest';
import { monthSpan } from './span';

describe('the span of a month', () => {
  it('ends where the next one begins, also over the turn of the year', () => {
    expect(monthSpan('2026-12')).toEqual({ from: Date.UTC(2026, 11, 1) * 1000, to: Date.UTC(2027, 0, 1) * 1000 });
  });
});
