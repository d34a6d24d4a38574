/** A month in UTC as the first moment of it and the first after it, in microseconds. */
export function monthSpan(month: string): { from: number; to: number } {
  const [year, at] = month.split('-').map(Number) as [number, number];
  return { from: Date.UTC(year, at - 1, 1) * 1000, to: Date.UTC(year, at, 1) * 1000 };
}
