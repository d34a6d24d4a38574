import { hasText, serverText } from '@qd/i18n';
import { exponentOf } from '@qd/ui';

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
