import { describe, expect, it } from 'vitest';
import { lastMonths } from './months';

describe('the months that can be closed', () => {
  it('begin with the last one that is over, also in January', () => {
    expect(lastMonths(Date.UTC(2026, 10, 20), 2)).toEqual(['2026-10', '2026-09']);
    expect(lastMonths(Date.UTC(2026, 0, 1), 2)).toEqual(['2025-12', '2025-11']);
  });
});
