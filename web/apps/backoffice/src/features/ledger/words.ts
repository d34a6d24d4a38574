import { hasText, plain, serverText } from '@qd/i18n';
import { statusText } from '@qd/ui';

/** `platform_move` -> "To or from a trading account". */
export const entryText = (kind: string): string => (hasText('office-money', `entry.${kind}`) ? serverText('office-money', `entry.${kind}`) : plain(kind));

/** An account's owner in words: `house:eu` -> "House EU"; people are named by whoever shows it. */
export function ownerText(owner: string, name: string | undefined): string {
  const [kind = '', id = ''] = owner.split(':');
  return `${serverText('office-money', `l.owner.${kind}`)} ${name ?? (kind === 'house' ? id.toUpperCase() : id.length > 20 ? `${id.slice(0, 4)}…${id.slice(-5)}` : id)}`;
}

export const purposeText = (purpose: string): string => statusText('purpose', purpose);
