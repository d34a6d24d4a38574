import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { beforeEach, describe, expect, it } from 'vitest';
import { newQueryClient, useApiQuery, useCursorPages, useWrite } from './hooks';
import { ApiProvider } from './provider';
import { json, problem, serve } from './test/server';

function wrapper() {
  const client = newQueryClient();
  return ({ children }: { children: ReactNode }) => <ApiProvider client={client}>{children}</ApiProvider>;
}

const deposit = { body: { amount: { minor: 5000, currency: 'EUR' }, method: 'card' } } as never;

describe('a write', () => {
  beforeEach(() => sessionStorage.clear());

  it('tapped twice is one request', async () => {
    const seen = serve(() => json(201, { id: 'dep_1' }));
    const { result } = renderHook(() => useWrite('post', '/api/v1/me/deposits'), { wrapper: wrapper() });
    await act(async () => {
      await Promise.all([result.current.run(deposit), result.current.run(deposit)]);
    });
    expect(seen).toHaveLength(1);
    await waitFor(() => expect(result.current.done).toBe(true));
  });

  it('repeated after a lost answer carries the same key, and a new one after it was done', async () => {
    const seen = serve((_, n) => (n === 1 ? Promise.reject(new TypeError('lost')) : json(201, { id: 'dep_1' })));
    const { result } = renderHook(() => useWrite('post', '/api/v1/me/deposits'), { wrapper: wrapper() });
    await act(async () => {
      await result.current.run(deposit).catch(() => {});
    });
    await waitFor(() => expect(result.current.error?.outcome).toBe('unknown'));
    await act(async () => {
      await result.current.run(deposit);
      await result.current.run(deposit);
    });
    const keys = seen.map((s) => s.key);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it('keeps the key over a reload of the page when it has a name', async () => {
    const seen = serve((_, n) => (n === 1 ? Promise.reject(new TypeError('lost')) : json(201, {})));
    const first = renderHook(() => useWrite('post', '/api/v1/me/deposits', { durable: 'deposit' }), { wrapper: wrapper() });
    await act(async () => {
      await first.result.current.run(deposit).catch(() => {});
    });
    first.unmount();
    const second = renderHook(() => useWrite('post', '/api/v1/me/deposits', { durable: 'deposit' }), { wrapper: wrapper() });
    await act(async () => {
      await second.result.current.run(deposit);
    });
    expect(seen[1]?.key).toBe(seen[0]?.key);
  });

  it('loads afresh what shows the same kind of record', async () => {
    let loads = 0;
    serve((s) => {
      if (s.method === 'POST') return json(201, {});
      loads += 1;
      return json(200, { items: [], next_cursor: null });
    });
    const { result } = renderHook(
      () => ({ list: useApiQuery('/api/v1/me/deposits'), write: useWrite('post', '/api/v1/me/deposits') }),
      { wrapper: wrapper() },
    );
    await waitFor(() => expect(result.current.list.isSuccess).toBe(true));
    await act(async () => {
      await result.current.write.run(deposit);
    });
    await waitFor(() => expect(loads).toBe(2));
  });
});

describe('a query', () => {
  it('waits while its input is null', async () => {
    const seen = serve(() => json(200, {}));
    const { result } = renderHook(() => useApiQuery('/api/v1/deposits/{id}', null), { wrapper: wrapper() });
    expect(result.current.fetchStatus).toBe('idle');
    expect(seen).toHaveLength(0);
  });

  it('that is refused for good is not repeated', async () => {
    const seen = serve(() => problem(404, 'not_found'));
    const { result } = renderHook(() => useApiQuery('/api/v1/deposits/{id}', { path: { id: 'dep_1' } }), { wrapper: wrapper() });
    await waitFor(() => expect(result.current.error?.code).toBe('not_found'));
    expect(seen).toHaveLength(1);
  });
});

describe('a list by cursor', () => {
  it('adds page to page', async () => {
    const seen = serve((s) =>
      s.search.includes('cursor=c2') ? json(200, { items: [{ id: 3 }], next_cursor: null }) : json(200, { items: [{ id: 1 }, { id: 2 }], next_cursor: 'c2' }),
    );
    const { result } = renderHook(() => useCursorPages('/api/v1/deposits', { query: { limit: 2 } }), { wrapper: wrapper() });
    await waitFor(() => expect(result.current.rows).toHaveLength(2));
    expect(result.current.hasMore).toBe(true);
    act(() => result.current.more());
    await waitFor(() => expect(result.current.rows).toHaveLength(3));
    expect(result.current.hasMore).toBe(false);
    expect(seen.map((s) => s.search)).toEqual(['?limit=2', '?limit=2&cursor=c2']);
  });

  it('starts from the top when what is new is asked for', async () => {
    let version = 1;
    const seen = serve((s) =>
      s.search.includes('cursor') ? json(200, { items: [{ id: 9 }], next_cursor: null }) : json(200, { items: [{ id: version }], next_cursor: 'c2' }),
    );
    const { result } = renderHook(() => useCursorPages('/api/v1/deposits'), { wrapper: wrapper() });
    await waitFor(() => expect(result.current.rows).toHaveLength(1));
    act(() => result.current.more());
    await waitFor(() => expect(result.current.rows).toHaveLength(2));
    version = 2;
    await act(async () => {
      await result.current.showNew();
    });
    await waitFor(() => expect(result.current.rows).toEqual([{ id: 2 }]));
    expect(seen).toHaveLength(3);
  });
});
