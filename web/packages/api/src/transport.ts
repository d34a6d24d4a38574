/**
 * The one place that calls fetch. It adds what every request needs, turns every failure into an
 * ApiError, sends signed-out people to the door, and repeats a request after a fresh proof.
 */

import { ApiError, endsSession, problemOf } from './errors';

export interface ApiConfig {
  /** Without a slash at the end; empty for the page's own origin. */
  baseUrl: string;
  fetch: (request: Request) => Promise<Response>;
  /** Called once per lost session; shows the door. */
  onSignedOut: () => void;
  /**
   * Asks the person for a fresh proof; true when the server accepted it. One dialog serves all
   * requests that wait for it.
   */
  stepUp: (() => Promise<boolean>) | null;
  online: () => boolean;
  timeoutMs: number;
}

const config: ApiConfig = {
  baseUrl: '',
  fetch: (request) => fetch(request),
  onSignedOut: () => {},
  stepUp: null,
  online: () => typeof navigator === 'undefined' || navigator.onLine !== false,
  timeoutMs: 30_000,
};

export function configureApi(part: Partial<ApiConfig>): void {
  Object.assign(config, part);
}

export function apiConfig(): Readonly<ApiConfig> {
  return config;
}

let asking: Promise<boolean> | null = null;

function prove(): Promise<boolean> {
  if (!config.stepUp) return Promise.resolve(false);
  asking ??= config.stepUp().finally(() => {
    asking = null;
  });
  return asking;
}

/** Methods that change nothing on the server. */
function reads(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

export async function send(request: Request): Promise<Response> {
  const write = !reads(request.method);
  // Says "from our own pages" to the server where a browser sends no Sec-Fetch-Site.
  request.headers.set('x-qd-request', '1');
  // A body can be read once: the copy is for the repetition after a proof.
  const spare = write ? request.clone() : null;
  const response = await once(request, write);
  if (response.ok) return response;
  const problem = await problemOf(response, write);
  if (problem.status === 403 && problem.code === 'step_up_required' && spare && config.stepUp) {
    if (!(await prove())) {
      throw new ApiError({ kind: 'declined', code: 'step_up_declined', outcome: 'not_done', retryable: true, status: 403 });
    }
    const again = await once(spare, write);
    if (again.ok) return again;
    throw ended(await problemOf(again, write));
  }
  throw ended(problem);
}

function ended(problem: ApiError): ApiError {
  if (endsSession(problem)) config.onSignedOut();
  return problem;
}

async function once(request: Request, write: boolean): Promise<Response> {
  if (!config.online()) {
    throw new ApiError({ kind: 'offline', code: 'offline', outcome: 'not_done', retryable: true });
  }
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), config.timeoutMs);
  const giveUp = () => timer.abort();
  if (request.signal.aborted) giveUp();
  request.signal.addEventListener('abort', giveUp);
  try {
    return await config.fetch(new Request(request, { signal: timer.signal }));
  } catch (cause) {
    if (request.signal.aborted) {
      throw new ApiError({ kind: 'aborted', code: 'aborted', outcome: write ? 'unknown' : 'not_done', retryable: true, cause });
    }
    const kind = timer.signal.aborted ? 'timeout' : 'unreachable';
    throw new ApiError({ kind, code: kind, outcome: write ? 'unknown' : 'not_done', retryable: true, cause });
  } finally {
    clearTimeout(timeout);
    request.signal.removeEventListener('abort', giveUp);
  }
}
