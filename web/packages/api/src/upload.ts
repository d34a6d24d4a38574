/** Files. XMLHttpRequest, because fetch says nothing about how much of a body has been sent. */

import { type Answer, href, type Input, type PathOf } from './client';
import { ApiError, endsSession, problemOf } from './errors';
import { newKey } from './intent';
import { apiConfig } from './transport';

export interface UploadExtras {
  /** 0 to 1. */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
  /** The same for every repetition of one file. */
  idempotencyKey?: string;
}

export function upload<P extends PathOf<'post'>>(
  path: P,
  input: Omit<Input<'post', P>, 'body'> & { body: Blob },
  extras: UploadExtras = {},
): Promise<Answer<'post', P>> {
  const address = (href as (path: string, input: unknown) => string)(path, input);
  return new Promise((resolve, reject) => {
    if (!apiConfig().online()) {
      reject(new ApiError({ kind: 'offline', code: 'offline', outcome: 'not_done', retryable: true }));
      return;
    }
    const x = new XMLHttpRequest();
    x.open('POST', address);
    x.setRequestHeader('content-type', input.body.type || 'application/octet-stream');
    x.setRequestHeader('idempotency-key', extras.idempotencyKey ?? newKey());
    x.setRequestHeader('x-qd-request', '1');
    x.upload.onprogress = (e) => e.lengthComputable && extras.onProgress?.(e.loaded / e.total);
    const lost = (kind: 'unreachable' | 'aborted') => () =>
      reject(new ApiError({ kind, code: kind, outcome: 'unknown', retryable: true }));
    x.onerror = lost('unreachable');
    x.onabort = lost('aborted');
    x.onload = async () => {
      const response = new Response(x.status === 204 ? null : x.responseText, { status: x.status, headers: headersOf(x) });
      if (response.ok) {
        resolve((x.responseText ? JSON.parse(x.responseText) : undefined) as Answer<'post', P>);
        return;
      }
      const problem = await problemOf(response, true);
      if (endsSession(problem)) apiConfig().onSignedOut();
      reject(problem);
    };
    extras.signal?.addEventListener('abort', () => x.abort());
    x.send(input.body);
  });
}

function headersOf(x: XMLHttpRequest): Headers {
  const out = new Headers();
  for (const name of ['x-request-id', 'retry-after']) {
    const value = x.getResponseHeader(name);
    if (value) out.set(name, value);
  }
  return out;
}
