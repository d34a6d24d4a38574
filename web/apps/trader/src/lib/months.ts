import { dateFormat } from '@qd/i18n';
import { dayOf, dayStartUs } from '@qd/ui';

/** `2026-11` of the present and the months before it, the newest first. */
export function lastMonths(count: number, zone: string, now = Date.now()): string[] {
  const [year, month] = dayOf(now * 1000, zone).split('-').map(Number) as [number, number];
  return Array.from({ length: count }, (_, back) => {
    const at = year * 12 + (month - 1) - back;
    return `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, '0')}`;
  });
}

/** The first moment of a month and the first of the next, in a zone: half open. */
export function monthSpan(month: string, zone: string): { from: number; until: number } {
  const [year, m] = month.split('-').map(Number) as [number, number];
  const next = m === 12 ? `${year + 1}-01` : `${year}-${String(m + 1).padStart(2, '0')}`;
  return { from: dayStartUs(`${month}-01`, zone), until: dayStartUs(`${next}-01`, zone) };
}

/** "November 2026". */
export function monthText(lang: string, month: string): string {
  return dateFormat(lang, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(Date.parse(`${month}-15T00:00:00Z`));
}

export const isMonth = (text: string | undefined): text is string => /^\d{4}-(0[1-9]|1[0-2])$/.test(text ?? '');
