import { beforeEach, describe, expect, it } from 'vitest';
import { fingerprint, Intent, newKey } from './intent';

describe('an idempotency key', () => {
  beforeEach(() => sessionStorage.clear());

  it('stays while the input stays, whatever the order of its fields', () => {
    const i = new Intent();
    expect(i.keyFor({ a: 1, b: { c: 2, d: 3 } })).toBe(i.keyFor({ b: { d: 3, c: 2 }, a: 1 }));
  });

  it('changes with the input: the same key with another body would be refused', () => {
    const i = new Intent();
    const first = i.keyFor({ amount: '10.00' });
    expect(i.keyFor({ amount: '10.01' })).not.toBe(first);
  });

  it('is a new one once the effect is settled, even for the same input', () => {
    const i = new Intent();
    const first = i.keyFor({ amount: '10.00' });
    i.settled();
    expect(i.keyFor({ amount: '10.00' })).not.toBe(first);
  });

  it('of a named form survives a reload while the outcome is unknown', () => {
    const before = new Intent('deposit');
    const key = before.keyFor({ amount: '10.00' });
    before.sending();
    expect(new Intent('deposit').keyFor({ amount: '10.00' })).toBe(key);
    expect(new Intent('deposit').keyFor({ amount: '20.00' })).not.toBe(key);
    expect(new Intent('withdrawal').keyFor({ amount: '10.00' })).not.toBe(key);
    before.settled();
    expect(new Intent('deposit').keyFor({ amount: '10.00' })).not.toBe(key);
  });

  it('is kept without the input itself', () => {
    const i = new Intent('deposit');
    i.keyFor({ iban: 'DE02120300000000202051' });
    i.sending();
    expect(JSON.stringify({ ...sessionStorage })).not.toContain('DE02');
  });

  it('fits what a stranger may send: 80 visible characters', () => {
    expect(newKey()).toMatch(/^[0-9A-Z]{26}$/);
    expect(new Set(Array.from({ length: 200 }, newKey)).size).toBe(200);
  });

  it('tells missing from null', () => {
    expect(fingerprint({ a: undefined })).toBe(fingerprint({}));
    expect(fingerprint({ a: null })).not.toBe(fingerprint({}));
  });
});
