import { type Row, useApiQuery, useCursorPages } from '@qd/api';
import { useEffect } from 'react';

export type Account = Row<'/api/v1/me/accounts'>;
export type Deposit = Row<'/api/v1/me/deposits'>;
export type Withdrawal = Row<'/api/v1/me/withdrawals'>;
export type Transfer = Row<'/api/v1/me/transfers'>;
export type Money = { minor: number; currency: string };

/** My accounts. While one is being opened, or waits for the platform, the clock beside it must move. */
export function useAccounts() {
  return useApiQuery('/api/v1/me/accounts', undefined, {
    refetchInterval: (query) => ((query.state.data as { items: Account[] } | undefined)?.items.some(waits) ? 3_000 : 60_000),
  });
}

export const waits = (a: Account): boolean => a.state === 'requested' || a.state === 'opening' || a.sync.state === 'pending';

export const useWallet = () => useApiQuery('/api/v1/me/wallet');
export const useRecord = () => useApiQuery('/api/v1/me');

export type OperationKind = 'deposit' | 'withdrawal' | 'transfer';

/** A deposit, withdrawal or transfer as one line of the history. */
export interface Operation {
  kind: OperationKind;
  id: string;
  at: number;
  amount: Money;
  state: string;
  /** Trading accounts it touches; none: the wallet. */
  from: string | null;
  to: string | null;
  method: string | null;
  /** Nothing is left to happen. */
  ended: boolean;
  /** It did not do what was asked for. */
  failed: boolean;
  deposit?: Deposit;
  withdrawal?: Withdrawal;
  transfer?: Transfer;
}

const depositEnded = ['posted', 'failed', 'expired', 'cancelled', 'refunded'];
const withdrawalEnded = ['paid', 'returned', 'refused', 'rejected', 'cancelled'];
const transferEnded = ['done', 'refused', 'returned'];

export function ofDeposit(d: Deposit): Operation {
  return {
    kind: 'deposit', id: d.id, at: d.created_at_us, amount: d.received ?? d.amount, state: d.state, from: null, to: d.account_id ?? null, method: d.method, deposit: d,
    ended: depositEnded.includes(d.state) || (d.state === 'succeeded' && !d.account_id),
    failed: ['failed', 'expired', 'cancelled', 'refunding', 'refunded'].includes(d.state),
  };
}

export function ofWithdrawal(w: Withdrawal): Operation {
  return {
    kind: 'withdrawal', id: w.id, at: w.requested_at_us, amount: w.amount, state: w.state, from: w.account_id ?? null, to: null, method: null, withdrawal: w,
    ended: withdrawalEnded.includes(w.state),
    failed: ['returned', 'refused', 'rejected', 'cancelled'].includes(w.state),
  };
}

export function ofTransfer(t: Transfer): Operation {
  return {
    kind: 'transfer', id: t.id, at: t.created_at_us, amount: t.amount, state: t.state, from: t.from_account ?? null, to: t.to_account ?? null, method: null, transfer: t,
    ended: transferEnded.includes(t.state),
    failed: ['refused', 'returned'].includes(t.state),
  };
}

const most = 200;

/**
 * All my movements of money, the newest first. Traders have hundreds at most: they are loaded whole, so
 * that filters, totals and the file agree with each other.
 */
export function useOperations(all = false) {
  const deposits = useCursorPages('/api/v1/me/deposits', { query: { limit: all ? most : 20 } }, { live: 'refetch' });
  const withdrawals = useCursorPages('/api/v1/me/withdrawals', { query: { limit: all ? most : 20 } }, { live: 'refetch' });
  const transfers = useCursorPages('/api/v1/me/transfers', { query: { limit: all ? most : 20 } }, { live: 'refetch' });
  const parts = [deposits, withdrawals, transfers] as const;
  const more = all && parts.some((p) => p.hasMore && !p.isFetching && !p.error);
  useEffect(() => {
    if (more) for (const p of [deposits, withdrawals, transfers]) p.more();
  }, [more, deposits, withdrawals, transfers]);
  const rows = [...deposits.rows.map(ofDeposit), ...withdrawals.rows.map(ofWithdrawal), ...transfers.rows.map(ofTransfer)].sort((a, b) => b.at - a.at);
  return {
    rows,
    loading: parts.some((p) => p.isPending) || (all && parts.some((p) => p.hasMore && !p.error)),
    error: parts.find((p) => p.error)?.error ?? null,
    retry: () => {
      for (const p of parts) void p.refetch();
    },
  };
}

export const addressOf = (op: Pick<Operation, 'kind' | 'id'>): string => `/${op.kind}s/${op.id}`;
