import { useApiQuery } from '@qd/api';

/** What I earn, live; a client who is no partner gets the refusal of the server. */
export function usePartner() {
  return useApiQuery('/api/v1/me/partner', {});
}

/** Volume comes in 10^-8 lots; people read decimal lots: 125000000 is "1.25". */
export function lotsText(units: number): string {
  const sign = units < 0 ? '-' : '';
  const digits = Math.abs(units).toString().padStart(9, '0');
  const whole = digits.slice(0, -8);
  const part = digits.slice(-8).replace(/0+$/, '');
  return part ? `${sign}${whole}.${part}` : `${sign}${whole}`;
}
