import type { Answer } from '@qd/api';
import type { Account, Operation } from './queries';

export type Record_ = Answer<'get', '/api/v1/me'>;

/** What a client should do now; one thing at a time. */
export type NextStep =
  | 'email'
  | 'renew'
  | 'rejected'
  | 'verify'
  | 'resubmit'
  | 'reviewing'
  | 'account'
  | 'account_waits'
  | 'first_deposit'
  | 'deposit_waits'
  | 'none';

export function nextStep(me: Record_, emailVerified: boolean, accounts: readonly Account[], operations: readonly Operation[]): NextStep {
  const kyc = me.kyc.state ?? 'none';
  if (!emailVerified) return 'email';
  if (kyc === 'rejected') return 'rejected';
  if (kyc === 'expired') return 'renew';
  if (kyc === 'resubmission') return 'resubmit';
  if (kyc === 'submitted' || kyc === 'in_review') return 'reviewing';
  if (!me.kyc.approved) return 'verify';
  const live = accounts.filter((a) => a.kind === 'live' && a.state !== 'closed');
  // None at all, or none that could be opened.
  if (live.every((a) => a.state === 'failed')) return 'account';
  if (!live.some((a) => a.state === 'ready')) return 'account_waits';
  const deposits = operations.filter((o) => o.kind === 'deposit');
  if (deposits.some((o) => o.ended && !o.failed) || me.stage === 'funded' || me.stage === 'dormant') return 'none';
  return deposits.some((o) => !o.ended && o.state !== 'redirected' && o.state !== 'created') ? 'deposit_waits' : 'first_deposit';
}
