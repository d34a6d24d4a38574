import { hasText, i18next, plain, serverText } from '@qd/i18n';
import { statusText } from '@qd/ui';
import type { Deposit } from './DepositsPage';

/** A provider's or the house's code in words. */
export function codeText(code: string | null | undefined): string | null {
  if (!code) return null;
  if (hasText('status', `reason.${code}`)) return statusText('reason', code);
  return hasText('office-money', `code.${code}`) ? serverText('office-money', `code.${code}`) : plain(code);
}

/** How it was paid: `Visa •••• 0375` where the provider says, else the method's name. */
export function methodText(d: Deposit): string {
  const i = d.instrument;
  if (i?.last4) return i18next.t('office-money:d.card', { brand: plain(i.brand ?? i.kind), last4: i.last4 });
  const words = hasText('shared', `method.${d.method}`) ? serverText('shared', `method.${d.method}`) : plain(d.method);
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}
