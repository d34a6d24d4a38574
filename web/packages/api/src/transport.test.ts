import { describe, expect, it, vi } from 'vitest';
import { call } from './client';
import type { ApiError } from './errors';
import { json, problem, serve } from './test/server';
import { configureApi } from './transport';

const money = { minor: 5000, currency: 'EUR' };
const approve = () => call('post', '/api/v1/withdrawals/{id}/approve', { path: { id: 'wdr_1' }, body: { version: 3 } as never }, { idempotencyKey: 'K1' });

async function failure(p: Promise<unknown>): Promise<ApiError> {
  return p.then(
    () => Promise.reject(new Error('it worked')),
    (e: ApiError) => e,
  );
}

describe('a request', () => {
  it('fills the address, leaves out empty filters and says it comes from our own pages', async () => {
    const seen = serve(() => json(200, { items: [], next_cursor: null }));
    await call('get', '/api/v1/deposits', { query: { state: '' as never, client_id: 'cli_1', limit: 10 } });
    expect(seen[0]).toMatchObject({ method: 'GET', path: '/api/v1/deposits', search: '?client_id=cli_1&limit=10', key: null });
    expect(seen[0]?.headers.get('x-qd-request')).toBe('1');
  });

  it('that writes always carries a key', async () => {
    const seen = serve(() => json(204, null));
    await call('post', '/api/v1/auth/sign-out');
    expect(seen[0]?.key).toMatch(/^[0-9A-Z]{26}$/);
  });

  it('that is refused says which fields are wrong, by pointer, and what to quote', async () => {
    serve(() => problem(422, 'amount_not_positive', [{ pointer: '/amount/minor', code: 'amount_not_positive' }]));
    const e = await failure(call('post', '/api/v1/me/deposits', { body: { amount: money } as never }));
    expect(e.byPointer).toEqual({ '/amount/minor': 'amount_not_positive' });
    expect(e).toMatchObject({ status: 422, outcome: 'not_done', retryable: false, reference: 'REF123' });
  });

  it('without a network was not sent', async () => {
    const seen = serve(() => json(200, {}));
    configureApi({ online: () => false });
    const e = await failure(approve());
    expect(e).toMatchObject({ kind: 'offline', outcome: 'not_done', retryable: true });
    expect(seen).toHaveLength(0);
  });

  it('whose connection broke has an unknown outcome if it writes', async () => {
    serve(() => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure(approve())).toMatchObject({ kind: 'unreachable', outcome: 'unknown', retryable: true });
    expect(await failure(call('get', '/api/v1/home'))).toMatchObject({ kind: 'unreachable', outcome: 'not_done' });
  });

  it('that gets no answer in time has an unknown outcome', async () => {
    serve(() => new Promise<Response>(() => {}));
    configureApi({
      timeoutMs: 5,
      fetch: (r) =>
        new Promise((_, reject) => {
          r.signal.addEventListener('abort', () => reject(new DOMException('stop', 'AbortError')));
        }),
    });
    expect(await failure(approve())).toMatchObject({ kind: 'timeout', outcome: 'unknown' });
  });

  it("answered by a proxy's page is a problem with the status as its code", async () => {
    serve(() => new Response('<html>Bad gateway</html>', { status: 502 }));
    expect(await failure(approve())).toMatchObject({ code: 'http_502', outcome: 'unknown', retryable: true });
  });
});

describe('a lost session', () => {
  it('leads to the door', async () => {
    serve(() => problem(401, 'session_over'));
    const onSignedOut = vi.fn();
    configureApi({ onSignedOut });
    await failure(call('get', '/api/v1/home'));
    expect(onSignedOut).toHaveBeenCalledOnce();
  });

  it('is not what a wrong password means', async () => {
    serve(() => problem(401, 'sign_in_failed'));
    const onSignedOut = vi.fn();
    configureApi({ onSignedOut });
    const e = await failure(call('post', '/api/v1/auth/sign-in', { body: { email: 'a@example.com', password: 'x' } }));
    expect(e.code).toBe('sign_in_failed');
    expect(onSignedOut).not.toHaveBeenCalled();
  });
});

describe('a request that needs a fresh proof', () => {
  it('is repeated with the same key and body once the proof is there', async () => {
    const seen = serve((_, n) => (n === 1 ? problem(403, 'step_up_required') : json(200, { id: 'wdr_1' })));
    configureApi({ stepUp: async () => true });
    await approve();
    expect(seen.map((s) => [s.key, s.body])).toEqual([
      ['K1', { version: 3 }],
      ['K1', { version: 3 }],
    ]);
  });

  it('asks once for all requests that wait', async () => {
    let proven = false;
    serve(() => (proven ? json(200, {}) : problem(403, 'step_up_required')));
    const stepUp = vi.fn(async () => {
      await Promise.resolve();
      proven = true;
      return true;
    });
    configureApi({ stepUp });
    await Promise.all([approve(), approve(), approve()]);
    expect(stepUp).toHaveBeenCalledOnce();
  });

  it('was not done when the person closes the dialog', async () => {
    const seen = serve(() => problem(403, 'step_up_required'));
    configureApi({ stepUp: async () => false });
    expect(await failure(approve())).toMatchObject({ kind: 'declined', outcome: 'not_done' });
    expect(seen).toHaveLength(1);
  });

  it('is not repeated for ever', async () => {
    const seen = serve(() => problem(403, 'step_up_required'));
    configureApi({ stepUp: async () => true });
    expect((await failure(approve())).code).toBe('step_up_required');
    expect(seen).toHaveLength(2);
  });
});
