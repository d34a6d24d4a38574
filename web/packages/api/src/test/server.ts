/** A server made of a function, for tests. */

import { configureApi } from '../transport';

export interface Seen {
  method: string;
  path: string;
  search: string;
  key: string | null;
  headers: Headers;
  body: unknown;
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(status === 204 ? null : JSON.stringify(body), {
    status,
    headers: { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', ...headers },
  });
}

export function problem(status: number, code: string, fields: { pointer: string; code: string }[] = []): Response {
  return json(status, { code, status, title: 'x', detail: 'for programmers', fields }, { 'x-request-id': 'REF123' });
}

/** Answers each request with `answer`, and keeps what was asked. */
export function serve(answer: (seen: Seen, n: number) => Response | Promise<Response>): Seen[] {
  const all: Seen[] = [];
  configureApi({
    baseUrl: 'http://test.example',
    online: () => true,
    stepUp: null,
    onSignedOut: () => {},
    timeoutMs: 1_000,
    fetch: async (request) => {
      const url = new URL(request.url);
      const text = await request.clone().text();
      const seen: Seen = {
        method: request.method,
        path: url.pathname,
        search: url.search,
        key: request.headers.get('idempotency-key'),
        headers: request.headers,
        body: text ? JSON.parse(text) : undefined,
      };
      all.push(seen);
      return answer(seen, all.length);
    },
  });
  return all;
}
