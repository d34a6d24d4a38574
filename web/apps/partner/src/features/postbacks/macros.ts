/** What may stand in an address, with a value as it would be. The server knows the same list. */
export const macros: readonly (readonly [name: string, example: string])[] = [
  ['click_id', 'abc-123'],
  ['our_click_id', 'clk_01JD1Z3Y5K8Q2M4N6P8R0S2T4V'],
  ['sub1', 'banner-7'],
  ['sub2', 'summer'],
  ['sub3', ''],
  ['sub4', ''],
  ['sub5', ''],
  ['partner_id', 'par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V'],
  ['link_id', 'lnk_01JD1Z3Y5K8Q2M4N6P8R0S2T4V'],
  ['link_code', 'NORD24'],
  ['campaign', 'autumn'],
  ['client', '7f3a9c21'],
  ['event', 'ftd'],
  ['event_id', 'ftd-7f3a9c21'],
  ['amount', '250'],
  ['payout', '150'],
  ['currency', 'EUR'],
  ['country', 'DE'],
  ['lots', '1.25'],
  ['symbol_group', 'fx_major'],
  ['status', 'approved'],
  ['time', '1795190400'],
  ['time_ms', '1795190400000'],
  ['time_iso', '2026-11-20T16:00:00Z'],
  ['postback_id', 'pbs_01JD1Z3Y5K8Q2M4N6P8R0S2T4V'],
  ['test', '0'],
];

/** Other trackers' spellings. */
const aliases: Record<string, string> = {
  aff_click_id: 'click_id',
  clickid: 'click_id',
  transaction_id: 'click_id',
  aff_sub: 'sub1',
  aff_sub2: 'sub2',
  aff_sub3: 'sub3',
  aff_sub4: 'sub4',
  aff_sub5: 'sub5',
  affiliate_id: 'partner_id',
  user_id: 'client',
  timestamp: 'time',
};

const examples = new Map(macros);
const valueOf = (name: string): string | undefined => examples.get(name) ?? examples.get(aliases[name] ?? '');

/** The address as it would be called for an event, and what in it nobody knows. */
export function example(url: string, event: string): { url: string; unknown: string[] } {
  const unknown: string[] = [];
  const filled = url.replaceAll(/\{\{\s*(\w*)\s*\}\}|\{\s*(\w*)\s*\}/g, (whole, double?: string, single?: string) => {
    const name = double ?? single ?? '';
    const value = name === 'event' ? event : name === 'event_id' ? `${event}-7f3a9c21` : valueOf(name);
    if (value === undefined) {
      unknown.push(name);
      return whole;
    }
    return encodeURIComponent(value);
  });
  return { url: filled, unknown };
}

/** `?` or `&` and the macro under its own name, at the end. */
export function withMacro(url: string, name: string): string {
  const mark = url.includes('?') ? (/[?&]$/.test(url) ? '' : '&') : '?';
  return `${url}${mark}${name}={${name}}`;
}
