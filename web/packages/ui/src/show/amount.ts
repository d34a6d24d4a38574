import { i18next, number } from '@qd/i18n';

/** As the API sends it: whole minor units. A covered amount is `•••`. */
export interface MoneyValue {
  minor: number | string;
  currency: string;
}

// Currencies whose minor unit is not a hundredth, as in the server's registry.
const exponents: Record<string, number> = {
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLP: 0, ISK: 0, JPY: 0, KRW: 0, PYG: 0, UGX: 0, VND: 0, XAF: 0, XOF: 0,
  BTC: 8, ETH: 8, LTC: 8, USDC: 6, USDT: 6,
};

/** Decimal places of a currency. */
export const exponentOf = (currency: string): number => exponents[currency] ?? 2;

/** 50000 EUR -> "500.00": text, exact, never through a float. */
export function toDecimal(minor: number | string | bigint, currency: string): string {
  const exponent = exponentOf(currency);
  const value = BigInt(minor);
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const rest = exponent === 0 ? '' : `.${digits.slice(-exponent)}`;
  return `${negative ? '-' : ''}${whole}${rest}`;
}

/** The sign between units and decimals in a language. */
const decimalSign = (lang: string): string => (number(lang, '1.5').includes(',') ? ',' : '.');

/**
 * What a person typed -> minor units, or null when it is no amount of this currency. Both 1,234.50 and
 * 1.234,50 are understood. A single sign with three digits after it is the only doubt: there the reader's
 * language decides, because 1,000 must never become one.
 */
export function toMinor(typed: string, currency: string, lang: string = i18next.language ?? 'en'): number | null {
  const exponent = exponentOf(currency);
  const text = typed.replace(/[\s\u00a0\u202f'’]/g, '').replace(/[٠-٩]/g, (d) => String('٠١٢٣٤٥٦٧٨٩'.indexOf(d)));
  if (!/^\d[\d.,]*$/.test(text) || /[.,]$/.test(text)) return null;
  const signs = text.replace(/\d/g, '');
  const last = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','));
  const after = last < 0 ? 0 : text.length - last - 1;
  const both = new Set(signs).size === 2;
  const decimal = both || (signs.length === 1 && (after !== 3 || text[last] === decimalSign(lang)));
  const whole = decimal ? text.slice(0, last) : text;
  const rest = decimal ? text.slice(last + 1) : '';
  if (rest.length > exponent || !/^(\d+|\d{1,3}([.,]\d{3})+)$/.test(whole) || new Set(whole.replace(/\d/g, '')).size > 1) return null;
  if (decimal && whole.includes(text[last] as string)) return null;
  const minor = BigInt(whole.replace(/[.,]/g, '') + rest.padEnd(exponent, '0'));
  return minor <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(minor) : null;
}

export interface MoneyFormat {
  /** Always a sign, for changes. */
  signed?: boolean;
  /** Without the code, for columns whose head names it. */
  bare?: boolean;
}

/** "EUR 1,234.50": the code, exact decimals, in the reader's separators. */
export function moneyText(lang: string, value: MoneyValue, format: MoneyFormat = {}): string {
  const exponent = exponentOf(value.currency);
  const amount = number(lang, toDecimal(value.minor, value.currency), {
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
    signDisplay: format.signed ? 'exceptZero' : 'auto',
  });
  return format.bare ? amount : `${value.currency}\u00a0${amount}`;
}

/** Sums of one currency; null when they differ. */
export function sumMoney(values: readonly MoneyValue[]): MoneyValue | null {
  const first = values[0];
  if (!first || values.some((v) => v.currency !== first.currency || covered(v.minor))) return null;
  return { minor: values.reduce((sum, v) => sum + BigInt(v.minor), 0n).toString(), currency: first.currency };
}

export const covered = (value: unknown): boolean => value === '•••';
