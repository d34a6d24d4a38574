/** A line of a withdrawal's history, as far as the clocks need it. */
export interface DeskLine {
  at_us: number;
  state?: string | null | undefined;
  desk?: string | null | undefined;
}

/**
 * How long each desk has had a withdrawal, in seconds: from its coming into review, at each hand-over
 * to the other desk, until it left review. Lines in any order.
 */
export function deskClocks(lines: readonly DeskLine[], nowUs: number): Record<string, number> {
  const clocks: Record<string, number> = {};
  let since: number | null = null;
  let desk = '';
  const stop = (at: number) => {
    if (since !== null && desk) clocks[desk] = (clocks[desk] ?? 0) + Math.max(0, Math.round((at - since) / 1_000_000));
    since = null;
  };
  for (const line of [...lines].sort((a, b) => a.at_us - b.at_us)) {
    if (!line.state) continue;
    if (line.state !== 'review') stop(line.at_us);
    else if (since === null || (line.desk && line.desk !== desk)) {
      stop(line.at_us);
      since = line.at_us;
      desk = line.desk ?? desk;
    }
  }
  stop(nowUs);
  return clocks;
}
