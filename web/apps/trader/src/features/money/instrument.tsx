import { serverText } from '@qd/i18n';
import { methodText } from '../../lib/parts';

interface Instrument {
  kind: string;
  brand?: string | null;
  last4?: string | null;
}

/** "Visa ending in 0003"; without a number, the means of payment. */
export function instrumentText(method: string, instrument: Instrument | null | undefined): string {
  const brand = instrument?.brand ? instrument.brand.charAt(0).toUpperCase() + instrument.brand.slice(1) : methodText(method);
  return instrument?.last4 ? serverText('trader', 'op.ending', { brand, last4: instrument.last4 }) : brand;
}
