import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import type { SearchState } from '@qd/ui';

export type Withdrawal = Row<'/api/v1/withdrawals'>;

export const STATES = ['collecting', 'deciding', 'review', 'approved', 'paying', 'paid', 'returned', 'refused', 'rejected', 'cancelled'] as const;
export const DESKS = ['finance', 'compliance'] as const;

/** What may be told to a client with a no. */
export const REJECT_CODES = ['details_wrong', 'documents_needed', 'source_unclear', 'funds_in_use', 'other'] as const;

export function useWithdrawals(filters: SearchState, state: string | undefined) {
  return useCursorPages('/api/v1/withdrawals', { query: { ...filters, mine: filters.mine ? true : undefined, overdue: filters.overdue ? true : undefined, state: STATES.find((s) => s === state), limit: 50 } });
}

/** The record as it was when opened: changes by others wait behind a mark. */
export function useWithdrawal(id: string | undefined) {
  return useApiQuery('/api/v1/withdrawals/{id}', id ? { path: { id } } : null, { live: 'mark' });
}
