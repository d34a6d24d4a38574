import { hasText, i18next, plain, serverText } from '@qd/i18n';

/** `commission.guard` is `commission_guard` in the catalogue: `commission` is a setting of its own. */
export function settingText(key: string): string {
  const found = [key, key.replaceAll('.', '_')].map((k) => `setting.key.${k}`).find((k) => hasText('office-house', k));
  return found ? serverText('office-house', found) : plain(key.replaceAll('.', ' '));
}
/** `entity:eu` -> "eu"; `global` -> "Whole house". */
export const scopeText = (scope: string): string => (scope === 'global' ? i18next.t('office-house:setting.global') : scope.slice(scope.indexOf(':') + 1));
/** A code of a licence's rule book in the reader's language; a new one in plain words. */
export const wordOf = (part: 'kind' | 'method', code: string): string => (hasText('office-house', `${part}.${code}`) ? serverText('office-house', `${part}.${code}`) : plain(code));
