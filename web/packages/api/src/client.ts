/**
 * Typed calls. `call('get', '/api/v1/clients/{id}', { path: { id } })` knows from the OpenAPI file
 * what goes in and what comes out, and throws an ApiError for everything else.
 */

import createClient from 'openapi-fetch';
import type { components, paths } from './generated/schema';
import { newKey } from './intent';
import { apiConfig, send } from './transport';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
export type WriteMethod = Exclude<Method, 'get'>;

/** A shape of the API by its name: `Schema<'Deposit'>`. */
export type Schema<K extends keyof components['schemas']> = components['schemas'][K];

/** Addresses that know this method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths] &
  string;

type Operation<M extends Method, P extends PathOf<M>> = paths[P] extends { [K in M]: infer O } ? O : never;

type Part<O, K extends string> = O extends { parameters: { [X in K]: infer V } }
  ? V
  : O extends { parameters: { [X in K]?: infer V } }
    ? NonNullable<V>
    : never;

type JsonBody<O> = O extends { requestBody: { content: infer C } }
  ? C extends { 'application/json': infer B }
    ? B
    : BodyInit
  : O extends { requestBody?: { content: infer C } }
    ? C extends { 'application/json': infer B }
      ? B | undefined
      : never
    : never;

type Optional<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];
type Field<K extends string, V> = [V] extends [never]
  ? { [X in K]?: undefined }
  : [Optional<V>] extends [never]
    ? { [X in K]?: V }
    : { [X in K]: V };
type BodyField<O> = [JsonBody<O>] extends [never]
  ? { body?: undefined }
  : undefined extends JsonBody<O>
    ? { body?: JsonBody<O> }
    : { body: JsonBody<O> };

/** What a call takes: `path` and `query` parameters and the `body`, each only where there is one. */
export type Input<M extends Method, P extends PathOf<M>> = Field<'path', Part<Operation<M, P>, 'path'>> &
  Field<'query', Part<Operation<M, P>, 'query'>> &
  BodyField<Operation<M, P>>;

type NeedsInput<M extends Method, P extends PathOf<M>> = object extends Input<M, P> ? false : true;

/** The parameter list of a call whose input may be left out when nothing in it is compulsory. */
export type InputArgs<M extends Method, P extends PathOf<M>, Rest extends unknown[]> = NeedsInput<M, P> extends true
  ? [input: Input<M, P>, ...rest: Rest]
  : [input?: Input<M, P>, ...rest: Rest];

type Good<R> = R extends { 200: infer A } ? A : R extends { 201: infer A } ? A : R extends { 202: infer A } ? A : never;

/** What a call answers; `undefined` where the answer has no body. */
export type Answer<M extends Method, P extends PathOf<M>> = Operation<M, P> extends { responses: infer R }
  ? Good<R> extends { content: infer C }
    ? C extends { 'application/json': infer A }
      ? A
      : [C] extends [never]
        ? undefined
        : unknown
    : undefined
  : unknown;

export interface CallOptions {
  /** Stays the same over all repetitions of one intended effect; see `Intent`. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** A call whose types are not known to the compiler: input parts as they come. */
export interface LooseInput {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

const client = createClient<Record<string, never>>({
  fetch: send,
  // A list in the address is repeated (`state=a&state=b`); empty texts are left out: no filter.
  querySerializer: (query) => {
    const out = new URLSearchParams();
    for (const [key, value] of Object.entries(query as Record<string, unknown>)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null && one !== '') out.append(key, String(one));
      }
    }
    return out.toString();
  },
});

type Loose = (
  method: string,
  path: string,
  init: Record<string, unknown>,
) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

/** As `call`, without types: for code that is generic over addresses. */
export async function callLoose(method: Method, path: string, input?: LooseInput, options: CallOptions = {}): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (method !== 'get') headers['idempotency-key'] = options.idempotencyKey ?? newKey();
  const request = client.request as unknown as Loose;
  const raw = isRaw(input?.body);
  const { data } = await request(method, path, {
    baseUrl: apiConfig().baseUrl || pageOrigin(),
    params: { path: input?.path, query: input?.query },
    body: input?.body,
    ...(raw ? { bodySerializer: (b: unknown) => b } : {}),
    headers: raw ? { ...headers, 'content-type': 'application/octet-stream' } : headers,
    signal: options.signal,
  });
  return data;
}

/** One call. A write without a key of its own gets a fresh one: good for what is asked once. */
export async function call<M extends Method, P extends PathOf<M>>(
  method: M,
  path: P,
  ...[input, options]: InputArgs<M, P, [options?: CallOptions]>
): Promise<Answer<M, P>> {
  return (await callLoose(method, path, input as LooseInput | undefined, options)) as Answer<M, P>;
}

/** The address of something to open or save: a document, a CSV, a PDF. */
export function href<P extends PathOf<'get'>>(path: P, ...[input]: InputArgs<'get', P, []>): string {
  const { path: parts = {}, query = {} } = (input ?? {}) as LooseInput;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts[name])));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.append(key, String(value));
  }
  const text = search.toString();
  return `${apiConfig().baseUrl}${filled}${text ? `?${text}` : ''}`;
}

function isRaw(body: unknown): boolean {
  return (typeof Blob !== 'undefined' && body instanceof Blob) || body instanceof ArrayBuffer;
}

function pageOrigin(): string {
  return typeof location === 'undefined' ? '' : location.origin;
}
