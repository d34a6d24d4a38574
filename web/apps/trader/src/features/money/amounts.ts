import { duration, hasText, i18next, number, serverText } from '@qd/i18n';
import { exponentOf, moneyText } from '@qd/ui';

/** A few round amounts inside the limits, the least first. */
export function quickAmounts(least: number, most: number, currency: string): number[] {
  const unit = 10 ** exponentOf(currency);
  const round = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000].map((n) => n * unit);
  return round.filter((n) => n >= least && n <= most).slice(0, 4);
}

/** When money sent by a method is usually there. */
export function arrivalText(method: string): string {
  return serverText('trader-money', hasText('trader-money', `arrival.${method}`) ? `arrival.${method}` : 'arrival.other');
}

export interface MethodTerms {
  method: string;
  connection: string;
  others: readonly string[];
  currencies: readonly string[];
  min_minor: number;
  max_minor: number;
  fee_percent?: string | null;
  fee_fixed?: string | null;
  arrives_minutes?: number | null;
  unavailable: boolean;
}

/** Decimal text to a whole number of its 10^-`digits`; what is no number is 0. */
function scaled(text: string | null | undefined, digits: number): bigint {
  const found = /^(\d{1,12})(?:\.(\d+))?$/.exec(text ?? '');
  return found ? BigInt(found[1]! + (found[2] ?? '').padEnd(digits, '0').slice(0, digits)) : 0n;
}

/** What is charged on top of an amount, rounded up: nobody pays more than was shown. */
export function feeMinor(m: Pick<MethodTerms, 'fee_percent' | 'fee_fixed'>, minor: number, currency: string): number {
  const whole = 100n * 10n ** 6n;
  const part = (BigInt(minor) * scaled(m.fee_percent, 6) + whole - 1n) / whole;
  return Number(part + scaled(m.fee_fixed, exponentOf(currency)));
}

/** "Fee 2.9% plus €0.30"; "No fee from us" where there is none. */
export function feeText(lang: string, m: Pick<MethodTerms, 'fee_percent' | 'fee_fixed'>, currency: string): string {
  const percent = scaled(m.fee_percent, 6) > 0n ? number(lang, m.fee_percent ?? '0', { style: 'unit', unit: 'percent', maximumFractionDigits: 4 }) : null;
  const minor = Number(scaled(m.fee_fixed, exponentOf(currency)));
  const fixed = minor > 0 ? moneyText(lang, { minor, currency }) : null;
  if (!percent && !fixed) return i18next.t('trader-money:no_fee');
  return serverText('trader-money', `fee_of.${percent && fixed ? 'both' : percent ? 'percent' : 'fixed'}`, { percent, fixed });
}

/** When the money is usually there: as the house measured it, else as the method is known for. */
export function termsArrival(lang: string, m: Pick<MethodTerms, 'method' | 'arrives_minutes'>): string {
  const minutes = m.arrives_minutes;
  if (minutes === null || minutes === undefined) return arrivalText(m.method);
  return minutes <= 0 ? i18next.t('trader-money:at_once') : i18next.t('trader-money:usually_within', { time: duration(lang, minutes * 60) });
}
