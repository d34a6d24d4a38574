import { hasText, plain, serverText } from '@qd/i18n';

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]+/g, '_').replaceAll(/^_|_$/g, '');
const word = (part: string, key: string, fallback = plain(key)): string => (hasText('partner-why', `${part}.${key}`) ? serverText('partner-why', `${part}.${key}`) : fallback);

/** What kind of line it is: a deal's, taken back, a tier's difference, per client. */
export const kindText = (code: string): string => word('kind', code);
/** Why a line pays nothing, or where a client's qualification stands. */
export const reasonText = (code: string): string => word('reason', code);
export const methodText = (code: string): string => word('method', code);
/** What was looked at: the engine names it in plain English, the catalogue by the same words. */
export const testedText = (what: string): string => word('tested', slug(what), what);

/** `at least 3 (passed)`: the limit, and whether it was met. */
export function wantedText(wanted: string): string {
  const [, text = wanted, mark] = wanted.match(/^(.*?)(?: \((.*)\))?$/) ?? [];
  const limit = text.match(/^(at least|more than|at most|less than|>=|<=|>|<) (.+)$/);
  const said = limit ? serverText('partner-why', `wanted.${limits[limit[1] as string]}`, { value: limit[2] }) : word('wanted', slug(text), text);
  return mark ? serverText('partner-why', 'wanted.marked', { wanted: said, mark: word('wanted', slug(mark), mark) }) : said;
}

const limits: Record<string, string> = { 'at least': 'least', '>=': 'least', 'more than': 'more', '>': 'more', 'at most': 'most', '<=': 'most', 'less than': 'less', '<': 'less' };
