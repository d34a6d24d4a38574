/** `2026-11-20` of a moment in a zone. */
export function dayOf(us: number, zone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(us / 1000);
}

/** How far a zone is from UTC at a moment, in milliseconds. */
function offset(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(at);
  const get = (type: string) => Number(parts.find((p) => p.type === type)?.value ?? 0);
  return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second')) - Math.floor(at / 1000) * 1000;
}

/** Midnight of that day in the zone, in microseconds. */
export function dayStartUs(day: string, zone: string): number {
  const utc = Date.parse(`${day.slice(0, 10)}T00:00:00Z`);
  // Twice: the first guess may lie on the other side of a change of the clocks.
  const guess = utc - offset(utc, zone);
  return (utc - offset(guess, zone)) * 1000;
}

/** The first moment after that day: spans are half open. */
export function dayEndUs(day: string, zone: string): number {
  const next = new Date(Date.parse(`${day.slice(0, 10)}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return dayStartUs(next, zone);
}
