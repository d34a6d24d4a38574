import { useForm, type UseFormReturnType } from '@mantine/form';
import { hasText, serverText } from '@qd/i18n';
import { errorText, type ErrorLike } from '../state/ErrorState';

export { useForm };

/** A problem's text for one field: by its code, else that something is wrong there. */
export function fieldText(code: string): string {
  for (const key of [`field.${code}`, code]) if (hasText('errors', key)) return serverText('errors', key);
  return serverText('errors', 'field.invalid');
}

const pointerToPath = (pointer: string) => pointer.replace(/^#?\/?/, '').split('/').map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~')).join('.');

/**
 * Puts the server's field problems on the form and the focus on the first bad field. Answers the text
 * to show above the form, or null when every problem found its field.
 */
export function showProblem<V extends Record<string, unknown>>(
  form: UseFormReturnType<V>,
  error: unknown,
  map: Readonly<Record<string, string>> = {},
): string | null {
  const e = (error ?? {}) as ErrorLike;
  const values = form.getValues() as Record<string, unknown>;
  const found: Record<string, string> = {};
  let rest = (e.fields ?? []).length === 0;
  for (const { pointer, code } of e.fields ?? []) {
    const path = map[pointer] ?? map[pointerToPath(pointer)] ?? pointerToPath(pointer);
    // A problem with a part of a field (`amount.minor`) is shown at the field.
    let field: string | null = path;
    while (field !== null && !(field in values) && !form.getInputNode(field)) field = field.includes('.') ? field.slice(0, field.lastIndexOf('.')) : null;
    if (field === null) rest = true;
    else found[field] ??= fieldText(code);
  }
  form.setErrors(found);
  focusFirstBad(form, Object.keys(found));
  return rest ? errorText(error) : null;
}

/** The submit button keeps the focus after a refusal; the reader belongs at the first bad field. */
export function focusFirstBad<V extends Record<string, unknown>>(form: UseFormReturnType<V>, fields: readonly string[]): void {
  const nodes = fields.map((f) => form.getInputNode(f)).filter((n): n is HTMLElement => n !== null);
  nodes.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  nodes[0]?.focus();
}

/** For `form.onSubmit(send, focusErrors(form))`: the same for what the form itself found. */
export function focusErrors<V extends Record<string, unknown>>(form: UseFormReturnType<V>) {
  return (errors: Record<string, unknown>) => focusFirstBad(form, Object.keys(errors));
}
