/** How a visitor came: from the address of the page, kept while the tab is open. */

import type { Schema } from '@qd/api';

type Came = Schema<'Came'>;
const KEY = 'qd.came';

/** To be called on the first page: later pages have lost the campaign's marks. */
export function rememberCame(page: { path: string; params: URLSearchParams }, referrer: string, language: string): Came {
  const q = page.params;
  const old = read();
  const marked = ['utm_source', 'utm_campaign', 'utm_medium', 'pc'].some((k) => q.has(k));
  if (old && !marked) return old;
  const came: Came = {
    utm_source: q.get('utm_source') ?? '',
    utm_medium: q.get('utm_medium') ?? '',
    utm_campaign: q.get('utm_campaign') ?? '',
    utm_term: q.get('utm_term') ?? '',
    utm_content: q.get('utm_content') ?? '',
    landing_page: page.path,
    landing_language: language,
    referrer: referrer.startsWith(location.origin) ? '' : referrer,
    ...(q.get('pc') ? { partner_code: q.get('pc') } : {}),
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
