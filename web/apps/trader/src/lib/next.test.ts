import { expect, test } from 'vitest';
import { nextStep, type Record_ } from './next';
import type { Account, Operation } from './queries';

const me = (kyc: string | null, approved = false, stage = 'registered') => ({ kyc: { state: kyc, approved }, stage }) as unknown as Record_;
const account = (state: string, kind = 'live') => ({ state, kind }) as unknown as Account;

test('one thing at a time, in the order the house needs it', () => {
  expect(nextStep(me(null), false, [], [])).toBe('email');
  expect(nextStep(me(null), true, [], [])).toBe('verify');
  expect(nextStep(me('resubmission'), true, [], [])).toBe('resubmit');
  expect(nextStep(me('in_review'), true, [], [])).toBe('reviewing');
  expect(nextStep(me('approved', true), true, [], [])).toBe('account');
  expect(nextStep(me('approved', true), true, [account('opening')], [])).toBe('account_waits');
  expect(nextStep(me('approved', true), true, [account('ready')], [])).toBe('first_deposit');
});

test('a demo account is no place for money', () => {
  expect(nextStep(me('approved', true), true, [account('ready', 'demo')], [])).toBe('account');
});

test('whoever has paid in is not asked to', () => {
  const paid = { kind: 'deposit', ended: true, failed: false } as Operation;
  expect(nextStep(me('approved', true), true, [account('ready')], [paid])).toBe('none');
});
