/** The months that are over, the newest first: `2026-10`. */
export function lastMonths(now: number, count = 12): string[] {
  const at = new Date(now);
  return Array.from({ length: count }, (_, n) => {
    const m = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1 - n, 1));
    return `${m.getUTCFullYear()}-${String(m.getUTCMonth() + 1).padStart(2, '0')}`;
  });
}
