/** The server's field problems on a form's fields. */

import type { ApiError } from './errors';

/** `/amount/minor` is the form's `amount.minor`, `/legs/0/iban` its `legs.0.iban`. */
export function pointerToPath(pointer: string): string {
  return pointer
    .replace(/^#?\/?/, '')
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
}

export interface FieldErrors {
  /** Form field to problem code; texts are the catalogue's (`errors:<code>`). */
  fields: Record<string, string>;
  /** Problems with no field of this form: they are shown above it. */
  rest: { pointer: string; code: string }[];
}

/**
 * Sorts an error's field problems into a form's fields. `known` says whether the form has a field;
 * a problem with a part of one (`amount.minor`) is shown at the field (`amount`). `map` renames
 * paths that the form calls otherwise.
 */
export function fieldErrors(
  error: ApiError,
  known: readonly string[] | ((field: string) => boolean),
  map: Readonly<Record<string, string>> = {},
): FieldErrors {
  const has = typeof known === 'function' ? known : (f: string) => known.includes(f);
  const out: FieldErrors = { fields: {}, rest: [] };
  for (const p of error.fields) {
    const field = nearest(map[p.pointer] ?? map[pointerToPath(p.pointer)] ?? pointerToPath(p.pointer), has);
    if (field === null) out.rest.push({ pointer: p.pointer, code: p.code });
    else out.fields[field] ??= p.code;
  }
  return out;
}

function nearest(path: string, has: (f: string) => boolean): string | null {
  const parts = path.split('.');
  while (parts.length > 0) {
    const candidate = parts.join('.');
    if (has(candidate)) return candidate;
    parts.pop();
  }
  return null;
}
