import { i18next, plain } from '@qd/i18n';

/** `withdrawal.approve` -> "Approved a withdrawal" where the catalogue has words, else plain words of the key. */
export function actionText(action: string): string {
  const key = `office-words:action.${action}`;
  const text = i18next.exists(key) ? (i18next.t(key as never) as unknown) : undefined;
  return typeof text === 'string' ? text : plain(action.replaceAll('.', ' '));
}

/** `withdrawal:wdr_…` -> its kind and its id. */
export function objectOf(object: string): { kind: string; id: string } {
  const at = object.indexOf(':');
  return at < 0 ? { kind: object, id: '' } : { kind: object.slice(0, at), id: object.slice(at + 1) };
}

/** Snapshots are JSON: whatever is no object has no fields to compare. */
export function fieldsOf(value: unknown): Record<string, unknown> | null {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}
