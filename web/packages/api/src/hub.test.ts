import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Hub, type HubParts } from './hub';
import { SseParser } from './sse';
import { serve, json } from './test/server';
import { nounsOf, parseEvent, touches } from './touches';

const DEP = 'dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V';
const OTHER = 'dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4W';
const CLI = 'cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V';

const event = (kind: string, aggregate: string, payload: object = {}) =>
  parseEvent('7', kind, JSON.stringify({ aggregate, at_us: 1, payload })) ?? expect.fail('unreadable');

describe('an event', () => {
  it('touches its own record, lists of its kind, and the client it names', () => {
    const e = event('deposit.state', `deposit:${DEP}`, { client_id: CLI, state: 'credited' });
    expect(touches(['/api/v1/deposits/{id}', { path: { id: DEP } }], e)).toBe(true);
    expect(touches(['/api/v1/deposits/{id}', { path: { id: OTHER } }], e)).toBe(false);
    expect(touches(['/api/v1/deposits', { query: { state: 'held' } }], e)).toBe(true);
    expect(touches(['/api/v1/clients/{id}/timeline', { path: { id: CLI } }], e)).toBe(true);
    expect(touches(['/api/v1/clients', {}], e)).toBe(false);
    expect(touches(['/api/v1/me/wallet', {}], e)).toBe(true);
    expect(touches(['/api/v1/me/kyc', {}], e)).toBe(false);
    expect(touches(['boot'], e)).toBe(false);
  });

  it('of an address that is not listed is none of its business', () => {
    expect(nounsOf('/api/v1/plans')).toEqual([]);
    expect(nounsOf('/api/v1/deposit-something')).toEqual([]);
  });
});

describe('the stream reader', () => {
  it('puts messages together however they are cut, and skips comments', () => {
    const got: string[] = [];
    const p = new SseParser((m) => got.push(`${m.id}|${m.event}|${m.data}`));
    const text = ': connected\n\nid: 5\nevent: deposit.state\ndata: {"a":\ndata: 1}\n\nevent: reload\r\ndata: {}\r\n\r\n';
    for (const c of text) p.push(c);
    expect(got).toEqual(['5|deposit.state|{"a":\n1}', '5|reload|{}']);
  });
});

/** Tabs of one browser: one lock, one channel, and streams the test writes to. */
function browser() {
  const opened: { headers: Record<string, string>; write: (text: string) => void; end: () => void }[] = [];
  let answer = 200;
  const waiting: (() => void)[] = [];
  let held = false;
  const locks = {
    request: ((_: string, o: { signal: AbortSignal }, f: () => Promise<void>) =>
      new Promise<void>((resolve, reject) => {
        const run = () => {
          held = true;
          void f().then(() => {
            held = false;
            waiting.shift()?.();
            resolve();
          });
        };
        o.signal.addEventListener('abort', () => reject(new Error('gone')));
        if (held) waiting.push(() => (o.signal.aborted ? waiting.shift()?.() : run()));
        else run();
      })) as unknown as LockManager['request'],
  };
  const ends = new Set<{ onmessage: ((m: { data: unknown }) => void) | null }>();
  const channel = () => {
    const end = {
      onmessage: null as ((m: { data: unknown }) => void) | null,
      postMessage: (data: unknown) => {
        for (const e of ends) if (e !== end) e.onmessage?.({ data: structuredClone(data) });
      },
      close: () => ends.delete(end),
    };
    ends.add(end);
    return end as unknown as BroadcastChannel;
  };
  const fetch: HubParts['fetch'] = async (_, init) => {
    if (answer !== 200) return new Response(null, { status: answer });
    let stream!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (c) => void (stream = c) });
    const text = new TextEncoder();
    opened.push({
      headers: init.headers as Record<string, string>,
      write: (t) => stream.enqueue(text.encode(t)),
      end: () => stream.close(),
    });
    return new Response(body, { status: 200 });
  };
  return {
    opened,
    refuse: (status: number) => {
      answer = status;
    },
    tab: (client = new QueryClient()) => new Hub({ identity: 'stf_1', client, fetch, locks, channel, random: () => 0.5 }),
  };
}

const line = (id: number, aggregate: string, kind = 'deposit.state') =>
  `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ aggregate, at_us: 1, payload: {} })}\n\n`;

describe('the hub', () => {
  const hubs: Hub[] = [];
  const open = (h: Hub) => {
    hubs.push(h);
    h.start();
    return h;
  };
  beforeEach(() => {
    vi.useFakeTimers();
    serve(() => json(200, {}));
  });
  afterEach(() => {
    for (const h of hubs.splice(0)) h.stop();
    vi.useRealTimers();
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);

  const shown = (client: QueryClient, key: readonly unknown[], live = 'refetch') => {
    const load = vi.fn(async () => ({}));
    const o = new QueryObserver(client, { queryKey: key, queryFn: load, meta: { live } });
    o.subscribe(() => {});
    return { load, hash: o.getCurrentQuery().queryHash };
  };

  it('reads one stream for all tabs, and hands it over when the reading tab closes', async () => {
    const b = browser();
    const clients = [new QueryClient(), new QueryClient()];
    const tabs = clients.map((c) => open(b.tab(c)));
    const other = shown(clients[1] as QueryClient, ['/api/v1/deposits', {}]);
    await settle();
    expect(b.opened).toHaveLength(1);
    expect(tabs.map((t) => t.status)).toEqual(['live', 'live']);
    b.opened[0]?.write(line(41, `deposit:${DEP}`));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(other.load).toHaveBeenCalledTimes(2);

    tabs[0]?.stop();
    await settle();
    expect(b.opened).toHaveLength(2);
    expect(b.opened[1]?.headers['last-event-id']).toBe('41');
  });

  it('loads afresh what an event touches, once for many events, and nothing else', async () => {
    const b = browser();
    const client = new QueryClient();
    open(b.tab(client));
    const hit = shown(client, ['/api/v1/deposits/{id}', { path: { id: DEP } }]);
    const miss = shown(client, ['/api/v1/kyc/queue', {}]);
    await settle();
    for (let n = 1; n <= 20; n++) b.opened[0]?.write(line(n, `deposit:${DEP}`));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(hit.load).toHaveBeenCalledTimes(2);
    expect(miss.load).toHaveBeenCalledTimes(1);
  });

  it('only marks what is being read, until it is loaded again', async () => {
    const b = browser();
    const client = new QueryClient();
    const hub = open(b.tab(client));
    const list = shown(client, ['/api/v1/deposits', {}], 'mark');
    await settle();
    b.opened[0]?.write(line(1, `deposit:${DEP}`) + line(2, `deposit:${DEP}`) + line(3, `deposit:${OTHER}`));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(list.load).toHaveBeenCalledTimes(1);
    expect(hub.waiting(list.hash)).toBe(2);
    hub.clearMark(list.hash);
    expect(hub.waiting(list.hash)).toBe(0);
  });

  it("takes the events of one's own write for no news", async () => {
    const b = browser();
    const client = new QueryClient();
    const hub = open(b.tab(client));
    const list = shown(client, ['/api/v1/deposits', {}], 'mark');
    await settle();
    hub.wrote([list.hash]);
    b.opened[0]?.write(line(1, `deposit:${DEP}`));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(hub.waiting(list.hash)).toBe(0);
    expect(list.load).toHaveBeenCalledTimes(2);
  });

  it('loads everything visible when the server says something was missed', async () => {
    const b = browser();
    const client = new QueryClient();
    open(b.tab(client));
    const any = shown(client, ['/api/v1/plans', {}]);
    await settle();
    b.opened[0]?.write('event: resync\ndata: {}\n\n');
    await settle();
    expect(any.load).toHaveBeenCalledTimes(2);
  });

  it('connects again after a break, later each time, and then loads afresh', async () => {
    const b = browser();
    const client = new QueryClient();
    b.refuse(503);
    const hub = open(b.tab(client));
    const any = shown(client, ['/api/v1/deposits', {}]);
    await settle();
    expect(hub.status).toBe('interrupted');
    b.refuse(200);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(hub.status).toBe('live');
    expect(any.load).toHaveBeenCalledTimes(2);
  });

  it('is off when the session is over', async () => {
    const b = browser();
    b.refuse(401);
    const hub = open(b.tab());
    await settle();
    expect(hub.status).toBe('off');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(b.opened).toHaveLength(0);
  });
});
