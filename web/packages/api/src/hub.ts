/**
 * Live updates. One stream of `/api/v1/events` per browser and person: the tab that holds a lock
 * reads it and passes the events on to the others. Events say only what changed; each tab then
 * loads afresh what it shows (or marks it, where rows must not move under the reader's eyes).
 */

import type { Query, QueryClient } from '@tanstack/react-query';
import { readSse } from './sse';
import { type LiveEvent, parseEvent, touches } from './touches';
import { apiConfig } from './transport';

export type LiveStatus = 'connecting' | 'live' | 'interrupted' | 'off';

type Note =
  | { type: 'event'; event: LiveEvent }
  | { type: 'resync' }
  | { type: 'status'; status: LiveStatus }
  | { type: 'hello' };

export interface HubParts {
  /** Whose stream: tabs of different people must not share one. */
  identity: string;
  client: QueryClient;
  /** For tests; else the browser's own. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  locks?: Pick<LockManager, 'request'> | null;
  channel?: (name: string) => BroadcastChannel | null;
  random?: () => number;
}

/** Several events in a row make one reload. */
const GATHER_MS = 250;
/** Under a flood of events a screen reloads no more often than this. */
const CALM_MS = 2_000;
/** Events within this time after one's own write are one's own doing: load quietly, don't mark. */
const OWN_MS = 5_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export class Hub {
  private readonly stopper = new AbortController();
  private readonly channel: BroadcastChannel | null;
  private readonly stale = new Set<string>();
  private readonly marks = new Map<string, Set<string>>();
  private readonly eventListeners = new Set<(e: LiveEvent) => void>();
  private readonly changeListeners = new Set<() => void>();
  private readonly ownWrites = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private lastFlush = 0;
  private lastId = '';
  private current: LiveStatus = 'connecting';
  private leading = false;
  private started = false;

  constructor(private readonly parts: HubParts) {
    const open = parts.channel ?? ((name: string) => (typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name)));
    this.channel = open(`qd-live:${parts.identity}`);
  }

  get status(): LiveStatus {
    return this.current;
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    if (this.channel) {
      this.channel.onmessage = (m: MessageEvent<Note>) => this.heard(m.data);
      this.channel.postMessage({ type: 'hello' } satisfies Note);
    }
    const locks = this.parts.locks === undefined ? (typeof navigator === 'undefined' ? null : (navigator.locks ?? null)) : this.parts.locks;
    const { signal } = this.stopper;
    if (!locks || !this.channel) {
      // No locks (plain HTTP on a network address): each tab reads a stream of its own.
      void this.lead();
      return;
    }
    void Promise.resolve(locks.request(`qd-live:${this.parts.identity}`, { signal }, () => this.lead())).catch(() => {});
  }

  stop(): void {
    this.stopper.abort();
    if (this.timer) clearTimeout(this.timer);
    this.channel?.close();
    this.say('off', false);
  }

  /** Every event this person may know of. */
  onEvent(listener: (e: LiveEvent) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  /** Status or marks changed. */
  onChange(listener: () => void): () => void {
    this.changeListeners.add(listener);
    return () => this.changeListeners.delete(listener);
  }

  /** How many records behind a marked query changed since it was loaded. */
  waiting(queryHash: string): number {
    return this.marks.get(queryHash)?.size ?? 0;
  }

  clearMark(queryHash: string): void {
    if (this.marks.delete(queryHash)) this.changed();
  }

  /** After one's own write: the events it causes are no news for these queries. */
  wrote(queryHashes: Iterable<string>): void {
    for (const h of queryHashes) this.ownWrites.set(h, Date.now());
  }

  private async lead(): Promise<void> {
    const { signal } = this.stopper;
    this.leading = true;
    let wait = FIRST_WAIT_MS;
    while (!signal.aborted) {
      await untilOnline(signal);
      if (signal.aborted) return;
      const outcome = await this.listen();
      if (signal.aborted) return;
      if (outcome === 'signed_out') {
        this.say('off');
        return;
      }
      // The server ends each stream after some minutes: that is no interruption.
      if (outcome === 'ended') {
        wait = FIRST_WAIT_MS;
        continue;
      }
      this.say('interrupted');
      await pause(wait * (0.75 + 0.5 * (this.parts.random ?? Math.random)()), signal);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }

  private async listen(): Promise<'ended' | 'failed' | 'signed_out'> {
    const { signal } = this.stopper;
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (this.lastId) headers['last-event-id'] = this.lastId;
    const ask = this.parts.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));
    let opened = 0;
    try {
      const response = await ask(`${apiConfig().baseUrl}/api/v1/events`, { headers, signal, cache: 'no-store' });
      if (response.status === 401 || response.status === 403) return 'signed_out';
      if (!response.ok) return 'failed';
      opened = Date.now();
      // After a break nobody knows what was missed.
      if (this.current === 'interrupted') this.resync();
      this.say('live');
      await readSse(response, (m) => this.message(m.id, m.event, m.data), signal);
    } catch {
      return 'failed';
    }
    // A stream that is cut at once again and again is a fault, not the server's five minutes.
    return Date.now() - opened > 5_000 ? 'ended' : 'failed';
  }

  private message(id: string, kind: string, data: string): void {
    if (id) this.lastId = id;
    if (kind === 'reload' || kind === 'resync') {
      this.channel?.postMessage({ type: 'resync' } satisfies Note);
      this.resync();
      return;
    }
    const event = parseEvent(id, kind, data);
    if (!event) return;
    this.channel?.postMessage({ type: 'event', event } satisfies Note);
    this.take(event);
  }

  private heard(note: Note): void {
    if (note.type === 'event') {
      this.lastId = note.event.id || this.lastId;
      this.take(note.event);
    } else if (note.type === 'resync') this.resync();
    else if (note.type === 'status') {
      if (!this.leading) this.say(note.status, false);
    } else if (note.type === 'hello' && this.leading) {
      this.channel?.postMessage({ type: 'status', status: this.current } satisfies Note);
    }
  }

  private say(status: LiveStatus, aloud = true): void {
    if (status === this.current) return;
    this.current = status;
    if (aloud && !this.stopper.signal.aborted) this.channel?.postMessage({ type: 'status', status } satisfies Note);
    this.changed();
  }

  private take(event: LiveEvent): void {
    for (const l of this.eventListeners) l(event);
    for (const query of this.parts.client.getQueryCache().getAll()) {
      if (!touches(query.queryKey, event)) continue;
      if (this.marksOnly(query)) this.mark(query, event);
      else this.stale.add(query.queryHash);
    }
    if (this.stale.size > 0) this.schedule();
  }

  private marksOnly(query: Query): boolean {
    if (query.meta?.live === 'off') return true;
    if (query.meta?.live !== 'mark') return false;
    const own = this.ownWrites.get(query.queryHash);
    return own === undefined || Date.now() - own > OWN_MS;
  }

  private mark(query: Query, event: LiveEvent): void {
    if (query.meta?.live === 'off' || !query.isActive()) return;
    const ids = this.marks.get(query.queryHash) ?? new Set<string>();
    ids.add(event.ids[0] ?? event.id);
    this.marks.set(query.queryHash, ids);
    this.changed();
  }

  private schedule(): void {
    if (this.timer) return;
    const since = Date.now() - this.lastFlush;
    this.timer = setTimeout(() => this.flush(), Math.max(GATHER_MS, CALM_MS - since));
  }

  private flush(): void {
    this.timer = null;
    this.lastFlush = Date.now();
    const hashes = new Set(this.stale);
    this.stale.clear();
    void this.parts.client.invalidateQueries({ predicate: (q) => hashes.has(q.queryHash) });
  }

  /** Something was missed: everything visible is loaded afresh, the rest when it is shown. */
  private resync(): void {
    this.stale.clear();
    this.marks.clear();
    this.changed();
    void this.parts.client.invalidateQueries({ predicate: (q) => q.meta?.live !== 'off' });
  }

  private changed(): void {
    for (const l of this.changeListeners) l();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

function untilOnline(signal: AbortSignal): Promise<void> {
  if (apiConfig().online() || typeof window === 'undefined') return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      window.removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    window.addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
