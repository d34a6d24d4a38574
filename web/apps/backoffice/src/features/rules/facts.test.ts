import { describe, expect, it } from 'vitest';
import { factLine, usedIn } from './facts';
import { factAt, withFact } from './words';

describe('facts of a rule', () => {
  it('stand in one line with dotted names', () => {
    expect(factLine({ card: { other_clients: 1 }, client: { vip: true } })).toBe('card.other_clients = 1, client.vip = true');
  });
  it('are found in an expression only by their whole name', () => {
    expect(usedIn('client.vip && withdrawals.paid > 3', ['client.vip', 'client.vip_since', 'withdrawals.paid', 'paid'])).toEqual(['client.vip', 'withdrawals.paid']);
  });
  it('are set and cleared without touching the others', () => {
    const one = withFact({ card: { country: 'DE' } }, 'card.other_clients', 2);
    expect(one).toEqual({ card: { country: 'DE', other_clients: 2 } });
    expect(factAt(withFact(one, 'card.country', undefined), 'card')).toEqual({ other_clients: 2 });
  });
});
