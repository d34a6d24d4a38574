import { covered } from '@qd/ui';

/** Volume as the commission book keeps it, in 10^-8 lots, as decimal text: 125000000 is "1.25". */
export function lotsText(units: number | string | null | undefined): string | null {
  if (units === null || units === undefined) return null;
  if (covered(units)) return String(units);
  const value = BigInt(units);
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(9, '0');
  const rest = digits.slice(-8).replace(/0+$/, '');
  return `${negative ? '-' : ''}${digits.slice(0, -8)}${rest ? `.${rest}` : ''}`;
}
