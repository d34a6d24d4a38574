import { hasText, i18next, plain, serverText } from '@qd/i18n';

export const settingText = (key: string): string => (hasText('office-house', `setting.key.${key}`) ? serverText('office-house', `setting.key.${key}`) : plain(key.replaceAll('.', ' ')));
/** `entity:eu` -> "eu"; `global` -> "Whole house". */
export const scopeText = (scope: string): string => (scope === 'global' ? i18next.t('office-house:setting.global') : scope.slice(scope.indexOf(':') + 1));
/** A code of a licence's rule book in the reader's language; a new one in plain words. */
export const wordOf = (part: 'kind' | 'method', code: string): string => (hasText('office-house', `${part}.${code}`) ? serverText('office-house', `${part}.${code}`) : plain(code));
