import { describe, expect, it } from 'vitest';
import { emptyDraft, requestOf } from './request';

describe('a correction as it is asked for', () => {
  it('is nothing while something is missing', () => {
    expect(requestOf(emptyDraft, 'UTC')).toBeNull();
    expect(requestOf({ ...emptyDraft, cause: 'client_moved', from: '2026-03-01' }, 'UTC')).toBeNull();
    expect(requestOf({ ...emptyDraft, cause: 'deal_corrected', server: 'mt5', ticket: '7', lots: 'three' }, 'UTC')).toBeNull();
  });
  it('carries only what its cause asks for, from midnight in the reader\'s zone', () => {
    expect(requestOf({ ...emptyDraft, cause: 'client_moved', client: ' cli_1 ', from: '2026-03-01', plan: 'pln_1' }, 'UTC')).toEqual({ cause: 'client_moved', client_id: 'cli_1', partner: null, at_us: Date.UTC(2026, 2, 1) * 1000 });
    expect(requestOf({ ...emptyDraft, cause: 'deal_corrected', server: 'mt5', ticket: '7', lots: '3.00' }, 'UTC')).toEqual({ cause: 'deal_corrected', server: 'mt5', ticket: '7', cancelled: false, lots: '3.00' });
  });
});
