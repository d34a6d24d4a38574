/**
 * What went wrong with a request, in a form that screens can use: a stable code for the text, the
 * fields it is about, whether something may have happened, and whether trying again makes sense.
 *
 * The server's own sentence (`detail`) is for programmers and never shown: texts come from our
 * catalogue by `code`.
 */

/** One wrong field. `pointer` is a JSON pointer into the request body, or `/name` of a parameter. */
export interface FieldProblem {
  pointer: string;
  code: string;
  /** What the server expected there, in English, for logs. */
  expected: string;
}

/** RFC 9457, as our API fills it. */
export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  code: string;
  detail?: string;
  fields?: FieldProblem[];
}

export type ErrorKind =
  /** The server answered with a problem. */
  | 'problem'
  /** The browser has no network: nothing was sent. */
  | 'offline'
  /** The connection failed: for a write nobody knows yet whether it arrived. */
  | 'unreachable'
  /** No answer in time: the same. */
  | 'timeout'
  /** The person closed the proof dialog: nothing was done. */
  | 'declined'
  /** The screen gave the request up (it was closed, or something newer replaced it). */
  | 'aborted';

/** `unknown` is asked about (or repeated with the same key), never taken for a failure. */
export type Outcome = 'not_done' | 'unknown';

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ErrorKind;
  /** Stable: `amount_not_positive`, `sign_in_failed`; for other kinds the kind itself. */
  readonly code: string;
  readonly status: number | null;
  readonly fields: readonly FieldProblem[];
  /** To quote to support; the server's log has it. */
  readonly reference: string | null;
  readonly outcome: Outcome;
  /** Trying again may work without changing anything. */
  readonly retryable: boolean;
  /** How long the server asked to wait. */
  readonly retryAfterMs: number | null;
  readonly detail: string;

  constructor(init: {
    kind: ErrorKind;
    code: string;
    status?: number | null;
    fields?: readonly FieldProblem[];
    reference?: string | null;
    outcome: Outcome;
    retryable: boolean;
    retryAfterMs?: number | null;
    detail?: string;
    cause?: unknown;
  }) {
    super(init.detail || init.code, { cause: init.cause });
    this.kind = init.kind;
    this.code = init.code;
    this.status = init.status ?? null;
    this.fields = init.fields ?? [];
    this.reference = init.reference ?? null;
    this.outcome = init.outcome;
    this.retryable = init.retryable;
    this.retryAfterMs = init.retryAfterMs ?? null;
    this.detail = init.detail ?? '';
  }

  is(...codes: string[]): boolean {
    return codes.includes(this.code);
  }

  /** Pointer to code; of several problems with one field the first counts. */
  get byPointer(): Record<string, string> {
    const out: Record<string, string> = {};
    for (const f of this.fields) out[f.pointer] ??= f.code;
    return out;
  }
}

export function isApiError(e: unknown): e is ApiError {
  return e instanceof ApiError;
}

/** Whatever was thrown, as an ApiError: a screen has one kind of error to show. */
export function asApiError(e: unknown): ApiError {
  if (e instanceof ApiError) return e;
  return new ApiError({ kind: 'problem', code: 'client_bug', outcome: 'unknown', retryable: false, cause: e, detail: String(e) });
}

/** A 401 that means "sign in (again)", unlike the ones that answer a try to sign in. */
export function endsSession(e: ApiError): boolean {
  return e.status === 401 && e.is('sign_in_required', 'session_over');
}

export async function problemOf(response: Response, write: boolean): Promise<ApiError> {
  const { status } = response;
  let body: Partial<ProblemBody> = {};
  try {
    body = (await response.json()) as Partial<ProblemBody>;
  } catch {
    // A proxy's page instead of our JSON: the status is all we know.
  }
  const code = typeof body.code === 'string' && body.code ? body.code : `http_${status}`;
  const wait = Number(response.headers.get('retry-after'));
  const brokeOnTheWay = status >= 500 && status !== 503;
  return new ApiError({
    kind: 'problem',
    code,
    status,
    fields: Array.isArray(body.fields) ? body.fields : [],
    reference: response.headers.get('x-request-id'),
    outcome: write && brokeOnTheWay ? 'unknown' : 'not_done',
    retryable: status === 429 || status === 408 || status >= 500,
    retryAfterMs: Number.isFinite(wait) && wait > 0 ? wait * 1000 : null,
    detail: typeof body.detail === 'string' ? body.detail : '',
  });
}
