import { expect, test } from 'vitest';
import { type Deposit, ofDeposit, ofTransfer, type Transfer } from './queries';

const deposit = { id: 'dep_1', created_at_us: 5, amount: { minor: 100, currency: 'EUR' }, received: null, account_id: 'tacc_1', method: 'card' };

test('money on its way to an account is under way, money for the wallet has arrived', () => {
  expect(ofDeposit({ ...deposit, state: 'succeeded' } as unknown as Deposit).ended).toBe(false);
  expect(ofDeposit({ ...deposit, state: 'succeeded', account_id: null } as unknown as Deposit).ended).toBe(true);
});

test('the history shows what was received, where that differs from what was asked for', () => {
  const got = ofDeposit({ ...deposit, state: 'posted', received: { minor: 90, currency: 'EUR' } } as unknown as Deposit);
  expect(got.amount.minor).toBe(90);
});

test('a transfer that came back has ended, and not well', () => {
  const t = ofTransfer({ id: 'trf_1', created_at_us: 1, amount: { minor: 1, currency: 'EUR' }, state: 'returned', from_account: null, to_account: 'tacc_1' } as unknown as Transfer);
  expect([t.ended, t.failed]).toEqual([true, true]);
});
