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

const parts = ['symbol', 'account_type', 'group', 'country', 'entity', 'brand', 'server', 'language', 'partner_country', 'partner', 'campaign', 'tag', 'direction'] as const;

/** What a rule was bound to: the closer one wins. */
export function boundTo(points: readonly number[]): string {
  const bound = points.flatMap((n, at) => (n > 0 && parts[at] ? [word('why.bound', parts[at] === 'symbol' && n === 1 ? 'product_group' : parts[at] === 'country' && n === 1 ? 'region' : parts[at])] : []));
  return bound.length === 0 ? serverText('office-partners', 'why.any') : bound.join(' · ');
}
