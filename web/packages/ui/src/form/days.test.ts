import { describe, expect, it } from 'vitest';
import { dayEndUs, dayOf, dayStartUs } from './days';

const iso = (us: number) => new Date(us / 1000).toISOString();

describe('a day in a zone', () => {
  it('begins at that zone’s midnight, also on the days when the clocks change', () => {
    expect(iso(dayStartUs('2026-11-20', 'Europe/Berlin'))).toBe('2026-11-19T23:00:00.000Z');
    expect(iso(dayStartUs('2026-03-29', 'Europe/Berlin'))).toBe('2026-03-28T23:00:00.000Z');
    expect(iso(dayEndUs('2026-03-29', 'Europe/Berlin'))).toBe('2026-03-29T22:00:00.000Z');
    expect(iso(dayStartUs('2026-11-20', 'Asia/Dubai'))).toBe('2026-11-19T20:00:00.000Z');
  });

  it('is found again from any moment in it', () => {
    for (const zone of ['UTC', 'Asia/Dubai', 'America/New_York', 'Europe/Berlin']) {
      expect(dayOf(dayStartUs('2026-10-25', zone), zone)).toBe('2026-10-25');
      expect(dayOf(dayEndUs('2026-10-25', zone) - 1, zone)).toBe('2026-10-25');
      expect(dayOf(dayEndUs('2026-10-25', zone), zone)).toBe('2026-10-26');
    }
  });
});
