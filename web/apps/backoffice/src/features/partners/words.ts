import { hasText, plain, serverText } from '@qd/i18n';

const word = (part: string, key: string, fallback = plain(key)) => (hasText('office-partners', `${part}.${key}`) ? serverText('office-partners', `${part}.${key}`) : fallback);

/** Why a line pays nothing, or why a client does not count. */
export const reasonOf = (code: string): string => word('reason', code);
/** How the rate was found: directly, fixed override, difference, part of what is below. */
export const methodOf = (code: string): string => word('method', code);
/** What was looked at: the engine names it in English, the catalogue by the same words. */
export const testedOf = (what: string): string => word('tested', what.toLowerCase().replaceAll(/[^a-z]+/g, '_'), what);
export const wantedOf = (wanted: string): string => {
  const least = wanted.match(/^at least (\S+)$/);
  if (least) return serverText('office-partners', 'wanted.least', { value: least[1] });
  const more = wanted.match(/^more than (\S+)$/);
  if (more) return serverText('office-partners', 'wanted.more', { value: more[1] });
  return word('wanted', wanted.toLowerCase().replaceAll(/[^a-z]+/g, '_'), wanted);
};
