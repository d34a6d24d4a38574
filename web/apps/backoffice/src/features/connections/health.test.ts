import { describe, expect, it } from 'vitest';
import { healthOf } from './health';

describe('the health of a connection', () => {
  it('is down while the last thing heard was an error', () => {
    expect(healthOf({ enabled: true, last_ok_at_us: 10, last_error_at_us: 20 })).toBe('down');
  });
  it('is up again after a good answer', () => {
    expect(healthOf({ enabled: true, last_ok_at_us: 30, last_error_at_us: 20 })).toBe('up');
  });
  it('is not known before the first answer, nor while it is switched off', () => {
    expect(healthOf({ enabled: true })).toBe('unknown');
    expect(healthOf({ enabled: false, last_ok_at_us: 30 })).toBe('unknown');
  });
});
