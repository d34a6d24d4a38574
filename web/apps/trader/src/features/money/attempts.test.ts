import { expect, test } from 'vitest';
import { retryOf, waysLeft } from './Attempts';

const attempt = (over: object) => ({ n: 1, method: 'card', connection: 'one', state: 'failed', failure_code: 'insufficient_funds', soft_failure: true, ...over });
const deposit = (state: string, ...attempts: object[]) => ({ state, amount: { minor: 5_000, currency: 'EUR' }, attempts: attempts.map(attempt) }) as never;
const method = (over: object) => ({ method: 'card', connection: 'one', others: [] as string[], currencies: ['EUR'], min_minor: 1_000, max_minor: 100_000, unavailable: false, ...over });

test('only a soft decline or a missed time is tried again, and not for ever', () => {
  expect(retryOf(deposit('failed', {}))).toBe('offer');
  expect(retryOf(deposit('redirected', { state: 'redirected' }))).toBe('offer');
  expect(retryOf(deposit('expired', { state: 'expired', failure_code: null, soft_failure: false }))).toBe('offer');
  expect(retryOf(deposit('failed', { soft_failure: false }))).toBe('for_good');
  expect(retryOf(deposit('redirected', { state: 'redirected', failure_code: null }))).toBe(null);
  expect(retryOf(deposit('posted', { state: 'paid', failure_code: null }))).toBe(null);
  expect(retryOf(deposit('failed', {}, {}, {}, {}, {}))).toBe('most');
});

test('the same method is offered again only where a connection of it is untried', () => {
  const names = (all: ReturnType<typeof method>[]) => waysLeft(deposit('failed', {}), all).map((m) => m.method);
  expect(names([method({}), method({ method: 'bank', connection: 'two' })])).toEqual(['bank']);
  expect(names([method({ others: ['two'] })])).toEqual(['card']);
  expect(names([method({ others: ['two'], unavailable: true }), method({ method: 'bank', min_minor: 10_000 }), method({ method: 'promptpay', currencies: ['THB'] })])).toEqual([]);
});
