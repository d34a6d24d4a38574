import { hasText, plain, serverText } from '@qd/i18n';

export { methodText as methodOf, reasonText as reasonOf, testedText as testedOf, wantedText as wantedOf } from '@qd/ui/partners/words';

const word = (part: string, key: string) => (hasText('office-partners', `${part}.${key}`) ? serverText('office-partners', `${part}.${key}`) : plain(key));

const parts = ['symbol', 'account_type', 'group', 'country', 'entity', 'brand', 'server', 'language', 'partner_country', 'partner', 'campaign', 'tag', 'direction'] as const;

/** What a rule was bound to: the closer one wins. */
export function boundTo(points: readonly number[]): string {
  const bound = points.flatMap((n, at) => (n > 0 && parts[at] ? [word('why.bound', parts[at] === 'symbol' && n === 1 ? 'product_group' : parts[at] === 'country' && n === 1 ? 'region' : parts[at])] : []));
  return bound.length === 0 ? serverText('office-partners', 'why.any') : bound.join(' · ');
}
