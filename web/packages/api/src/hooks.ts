/** Server state in React: typed queries, lists by cursor, writes. */

import {
  type InfiniteData,
  keepPreviousData,
  QueryClient,
  type QueryClient as Client,
  type UseQueryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useCallback, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { type Answer, callLoose, type Input, type InputArgs, type LooseInput, type PathOf, type WriteMethod } from './client';
import { type ApiError, asApiError } from './errors';
import type { Hub, LiveStatus } from './hub';
import { Intent } from './intent';
import { HubContext } from './provider';
import { type LiveEvent, type Noun, nounsOf, sharesNoun } from './touches';

/** Quiet repetition for reads only, and only where it can help. */
function retryRead(failures: number, error: unknown): boolean {
  return failures < 2 && asApiError(error).retryable && asApiError(error).kind !== 'offline';
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: retryRead,
        retryDelay: (n, e) => asApiError(e).retryAfterMs ?? 500 * 2 ** n,
        // The hub says what changed; this covers what has no event.
        staleTime: 30_000,
        gcTime: 5 * 60_000,
        refetchOnWindowFocus: true,
        networkMode: 'always',
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}

/** The key under which an answer is kept: the address as in the API's description, and its input. */
export function keyOf<P extends PathOf<'get'>>(path: P, ...[input]: InputArgs<'get', P, []>): readonly [P, LooseInput] {
  return [path, tidy(input as LooseInput | undefined)];
}

/** Empty filters are no filters: they must not make another key. */
function tidy(input: LooseInput | undefined): LooseInput {
  const out: LooseInput = {};
  if (input?.path) out.path = input.path;
  if (input?.query) {
    const kept = Object.entries(input.query).filter(([, v]) => v !== undefined && v !== null && v !== '');
    if (kept.length > 0) out.query = Object.fromEntries(kept);
  }
  return out;
}

/**
 * How a query follows events. `refetch` (default) loads afresh; `mark` counts what changed and
 * leaves the rows alone until the reader asks (`waiting`, `showNew`); `off` follows nothing.
 */
export type Live = 'refetch' | 'mark' | 'off';

export interface QueryExtras<T, S = T>
  extends Pick<
    UseQueryOptions<T, ApiError, S>,
    'enabled' | 'staleTime' | 'gcTime' | 'refetchInterval' | 'select' | 'placeholderData' | 'retry'
  > {
  live?: Live;
}

/**
 * One answer. Hand `null` as the input to wait until there is something to ask for.
 *
 * `const deposit = useApiQuery('/api/v1/deposits/{id}', id ? { path: { id } } : null)`
 */
export function useApiQuery<P extends PathOf<'get'>, S = Answer<'get', P>>(
  path: P,
  ...[input, extras]: InputArgs<'get', P, [extras?: QueryExtras<Answer<'get', P>, S>]> | [input: null, extras?: QueryExtras<Answer<'get', P>, S>]
) {
  const { live = 'refetch', enabled = true, ...rest } = (extras ?? {}) as QueryExtras<Answer<'get', P>, S>;
  const loose = tidy((input ?? undefined) as LooseInput | undefined);
  const queryKey = [path, loose] as const;
  const query = useQuery<Answer<'get', P>, ApiError, S>({
    queryKey,
    queryFn: ({ signal }) => callLoose('get', path, loose, { signal }) as Promise<Answer<'get', P>>,
    enabled: input === null ? false : enabled,
    meta: { live },
    ...rest,
  });
  return { ...query, ...useWaiting(queryKey, live, query.dataUpdatedAt, query.refetch) };
}

/** The part of `useApiQuery` that TanStack Router's loaders and prefetching on hover need. */
export function apiQueryOptions<P extends PathOf<'get'>>(path: P, ...[input]: InputArgs<'get', P, []>) {
  const loose = tidy(input as LooseInput | undefined);
  return {
    queryKey: [path, loose] as const,
    queryFn: ({ signal }: { signal?: AbortSignal }) => callLoose('get', path, loose, { signal }) as Promise<Answer<'get', P>>,
    meta: { live: 'refetch' as Live },
  };
}

/** A row of a list answer. */
export type Row<P extends PathOf<'get'>> = Answer<'get', P> extends { items: readonly (infer R)[] } ? R : unknown;

interface PageAnswer {
  items?: unknown[];
  next_cursor?: string | null;
}

/** A list by cursor. The rows of all pages loaded so far; `more()` loads the next. */
export function useCursorPages<P extends PathOf<'get'>>(
  path: P,
  ...[input, extras]: InputArgs<'get', P, [extras?: { live?: Live; enabled?: boolean; staleTime?: number; keepPrevious?: boolean }]> | [input: null]
) {
  const { live = 'mark', enabled = true, staleTime, keepPrevious = true } = extras ?? {};
  const loose = tidy((input ?? undefined) as LooseInput | undefined);
  const queryKey = [path, { ...loose, pages: true }] as const;
  const query = useInfiniteQuery<PageAnswer, ApiError, InfiniteData<PageAnswer, string | null>, typeof queryKey, string | null>({
    queryKey,
    queryFn: ({ signal, pageParam }) =>
      callLoose('get', path, { ...loose, query: { ...loose.query, cursor: pageParam ?? undefined } }, { signal }) as Promise<PageAnswer>,
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor ?? null,
    enabled: input === null ? false : enabled,
    placeholderData: keepPrevious ? keepPreviousData : undefined,
    meta: { live },
    ...(staleTime === undefined ? {} : { staleTime }),
  });
  const rows = useMemo(() => (query.data?.pages.flatMap((p) => p.items ?? []) ?? []) as Row<P>[], [query.data]);
  const { fetchNextPage, hasNextPage, isFetchingNextPage, isFetching, refetch } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetching]);
  const client = useQueryClient();
  const hash = JSON.stringify(queryKey);
  // From the top: the first page says what is new, later pages would be loaded one by one for it.
  const fromTop = useCallback(() => {
    client.setQueryData<InfiniteData<PageAnswer, string | null>>(JSON.parse(hash) as typeof queryKey, (d) =>
      d ? { pages: d.pages.slice(0, 1), pageParams: d.pageParams.slice(0, 1) } : d,
    );
    return refetch();
  }, [client, hash, refetch]);
  return {
    ...query,
    rows,
    /** The first answer as it came: totals beside the items, for example. */
    first: query.data?.pages[0] as Answer<'get', P> | undefined,
    more,
    hasMore: hasNextPage,
    loadingMore: isFetchingNextPage,
    ...useWaiting(queryKey, live, query.dataUpdatedAt, fromTop),
  };
}

function useWaiting(queryKey: readonly unknown[], live: Live, loadedAt: number, reload: () => Promise<unknown>) {
  const hub = useContext(HubContext);
  const client = useQueryClient();
  const hash = hashOf(client, queryKey);
  const waiting = useSyncExternalStore(
    useCallback((l) => hub?.onChange(l) ?? (() => {}), [hub]),
    () => (live === 'mark' ? (hub?.waiting(hash) ?? 0) : 0),
    () => 0,
  );
  // Whatever caused the reload, what is shown now is current.
  useEffect(() => {
    if (loadedAt > 0) hub?.clearMark(hash);
  }, [hub, hash, loadedAt]);
  const showNew = useCallback(() => {
    hub?.clearMark(hash);
    return reload();
  }, [hub, hash, reload]);
  return {
    /** Records that changed since this was loaded (with `live: 'mark'`). */
    waiting,
    /** Loads them. */
    showNew,
  };
}

function hashOf(client: Client, queryKey: readonly unknown[]): string {
  return client.getQueryCache().find({ queryKey, exact: true })?.queryHash ?? '';
}

export interface WriteExtras<M extends WriteMethod, P extends PathOf<M>> {
  /**
   * Keeps the idempotency key over a reload of the page while the outcome is unknown. A name per
   * form, for writes that move money; not for forms with passwords.
   */
  durable?: string;
  /** What else becomes stale; by default what shows the nouns of the address. */
  touches?: readonly Noun[];
  onDone?: (answer: Answer<M, P>, input: Input<M, P> | undefined) => void;
  onFailed?: (error: ApiError, input: Input<M, P> | undefined) => void;
}

/**
 * A write. Press as often as you like: while it is under way, and after a lost answer, the same
 * input is the same request for the server.
 *
 * ```
 * const approve = useWrite('post', '/api/v1/withdrawals/{id}/approve');
 * await approve.run({ path: { id }, body: { … } });   // throws ApiError
 * approve.submit({ … });                              // the same, errors in approve.error only
 * ```
 */
export function useWrite<M extends WriteMethod, P extends PathOf<M>>(method: M, path: P, extras: WriteExtras<M, P> = {}) {
  const client = useQueryClient();
  const hub = useContext(HubContext);
  const intent = useRef<Intent | null>(null);
  intent.current ??= new Intent(extras.durable);
  const underWay = useRef<{ key: string; promise: Promise<Answer<M, P>> } | null>(null);
  const latest = useRef(extras);
  latest.current = extras;

  const mutation = useMutation<Answer<M, P>, ApiError, { input: Input<M, P> | undefined; key: string }>({
    mutationFn: async ({ input, key }) => {
      try {
        return (await callLoose(method, path, input as LooseInput | undefined, { idempotencyKey: key })) as Answer<M, P>;
      } catch (e) {
        throw asApiError(e);
      }
    },
  });

  const { mutateAsync, reset } = mutation;
  const run = useCallback(
    (...[input]: InputArgs<M, P, []>): Promise<Answer<M, P>> => {
      const mine = intent.current as Intent;
      const key = mine.keyFor(input ?? null);
      if (underWay.current?.key === key) return underWay.current.promise;
      mine.sending();
      const promise = mutateAsync({ input: input as Input<M, P> | undefined, key })
        .then(
          (answer) => {
            mine.settled();
            refresh(client, hub, latest.current.touches ?? nounsOf(path));
            latest.current.onDone?.(answer, input as Input<M, P> | undefined);
            return answer;
          },
          (error: ApiError) => {
            // Refused: nothing was stored under the key. Unknown: the key must stay.
            if (error.outcome === 'not_done' && !error.retryable) mine.settled();
            latest.current.onFailed?.(error, input as Input<M, P> | undefined);
            throw error;
          },
        )
        .finally(() => {
          if (underWay.current?.key === key) underWay.current = null;
        });
      underWay.current = { key, promise };
      return promise;
    },
    [client, hub, mutateAsync, path],
  );
  const submit = useCallback(
    (...args: InputArgs<M, P, []>): void => {
      run(...args).catch(() => {});
    },
    [run],
  );
  return {
    run,
    submit,
    reset,
    busy: mutation.isPending,
    done: mutation.isSuccess,
    error: mutation.error,
    answer: mutation.data,
  };
}

/** Marks what shows these nouns as stale. The person sees "done" at once, the figures follow. */
function refresh(client: Client, hub: Hub | null, nouns: readonly Noun[]): void {
  const hit = client.getQueryCache().findAll({ predicate: (q) => sharesNoun(q.queryKey, nouns) });
  hub?.wrote(hit.map((q) => q.queryHash));
  const hashes = new Set(hit.map((q) => q.queryHash));
  void client.invalidateQueries({ predicate: (q) => hashes.has(q.queryHash) });
}

/** Loads afresh what shows these nouns. */
export function useRefresh(): (...nouns: Noun[]) => void {
  const client = useQueryClient();
  const hub = useContext(HubContext);
  return useCallback((...nouns: Noun[]) => refresh(client, hub, nouns), [client, hub]);
}

/** How the live stream is doing, for the bar that says so. */
export function useLiveStatus(): LiveStatus {
  const hub = useContext(HubContext);
  return useSyncExternalStore(
    useCallback((l) => hub?.onChange(l) ?? (() => {}), [hub]),
    () => hub?.status ?? 'off',
    () => 'off' as const,
  );
}

/** Calls back for every event; for notices and counters, not for loading data. */
export function useLiveEvent(listener: (e: LiveEvent) => void): void {
  const hub = useContext(HubContext);
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => hub?.onEvent((e) => latest.current(e)), [hub]);
}
