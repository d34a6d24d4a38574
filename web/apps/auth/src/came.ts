/** How a visitor came: from the address of the page, kept while the tab is open. */

import type { Schema } from '@qd/api';

type Came = Schema<'Came'>;
const KEY = 'qd.came';
const MARKS = ['utm_source', 'utm_campaign', 'utm_medium', 'pc', 'click'];

/** A link to a portal ends at the door, which keeps the address one wanted in `next`, and the marks in it. */
function landing(page: { path: string; params: URLSearchParams }): { path: string; q: URLSearchParams } {
  const next = page.params.get('next');
  if (next && !MARKS.some((k) => page.params.has(k))) {
    const wanted = new URL(next, location.origin);
    if (MARKS.some((k) => wanted.searchParams.has(k))) return { path: wanted.pathname, q: wanted.searchParams };
  }
  return { path: page.path, q: page.params };
}

/** To be called on the first page: later pages have lost the campaign's marks. */
export function rememberCame(page: { path: string; params: URLSearchParams }, referrer: string, language: string): Came {
  const { path, q } = landing(page);
  const old = read();
  const marked = MARKS.some((k) => q.has(k));
  if (old && !marked) return old;
  const came: Came = {
    utm_source: q.get('utm_source') ?? '',
    utm_medium: q.get('utm_medium') ?? '',
    utm_campaign: q.get('utm_campaign') ?? '',
    utm_term: q.get('utm_term') ?? '',
    utm_content: q.get('utm_content') ?? '',
    landing_page: path,
    landing_language: language,
    referrer: referrer.startsWith(location.origin) ? '' : referrer,
    ...(q.get('pc') ? { partner_code: q.get('pc') } : {}),
    // The partner's link noted this click before it sent the browser here: without a cookie it is all that names the visit.
    ...(q.get('click') ? { partner_click: q.get('click') } : {}),
  };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(came));
  } catch {
    // Without storage the marks live as long as this page.
  }
  return came;
}

function read(): Came | null {
  try {
    const text = sessionStorage.getItem(KEY);
    return text ? (JSON.parse(text) as Came) : null;
  } catch {
    return null;
  }
}
