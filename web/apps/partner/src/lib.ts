import { useApiQuery } from '@qd/api';

const DAY_US = 86_400_000_000;

/** First days (since 1970, UTC) of the month before this one, and of this one. */
export function months(now: Date): { last: number; current: number } {
  const first = (ahead: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1) / 86_400_000;
  return { last: first(-1), current: first(0) };
}

/** What I earn since the start of last month; a client who is no partner gets the refusal of the server. */
export function usePartner() {
  const { last } = months(new Date());
  return useApiQuery('/api/v1/me/partner', { query: { from_us: last * DAY_US } });
}

/** Volume comes in 10^-8 lots; people read decimal lots: 125000000 is "1.25". */
export function lotsText(units: number): string {
  const sign = units < 0 ? '-' : '';
  const digits = Math.abs(units).toString().padStart(9, '0');
  const whole = digits.slice(0, -8);
  const part = digits.slice(-8).replace(/0+$/, '');
  return part ? `${sign}${whole}.${part}` : `${sign}${whole}`;
}

/** How much of a goal is there, 0 to 1, for drawing only. */
export function shareOf(value: string, goal: string): number {
  const share = Number(value) / Number(goal);
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
}

/** Saves a text as it is, byte by byte: its hash is that of the file. */
export function saveText(text: string, name: string, type = 'application/json'): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
