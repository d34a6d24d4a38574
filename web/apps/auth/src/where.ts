/** Which of the few pages an address means. No router: each page is an address of its own. */

import { safeNext } from '@qd/api';

export type PageName = 'sign-in' | 'register' | 'forgot' | 'reset' | 'invite' | 'verify';

export interface Where {
  page: PageName;
  /** The door of the house, not of a brand's clients. */
  staff: boolean;
  /** The partners' door: a client's sign-in that leads to the Partner Portal. */
  partner: boolean;
  token: string | null;
  next: string | null;
  path: string;
  params: URLSearchParams;
}

const PAGES: Record<string, PageName> = {
  'sign-in': 'sign-in',
  register: 'register',
  forgot: 'forgot',
  reset: 'reset',
  invite: 'invite',
  verify: 'verify',
  'verify-email': 'verify',
};

export function whereIs(location: { pathname: string; search: string }): Where {
  const found = /^(?:\/(office|partner))?\/([\w-]+)\/?$/.exec(location.pathname);
  const params = new URLSearchParams(location.search);
  const page = PAGES[found?.[2] ?? ''] ?? 'sign-in';
  return {
    page,
    // Only people of the house are invited.
    staff: found?.[1] === 'office' || page === 'invite',
    partner: found?.[1] === 'partner',
    token: params.get('token'),
    next: safeNext(params.get('next')),
    path: location.pathname,
    params,
  };
}

/** The portal behind a door. */
export function home(where: Pick<Where, 'staff' | 'partner'>): string {
  return where.staff ? '/office' : where.partner ? '/partner' : '/';
}

/** Another page of the same door, with the way back kept. */
export function link(where: Pick<Where, 'staff' | 'partner' | 'next'>, page: 'sign-in' | 'register' | 'forgot'): string {
  const prefix = where.staff ? '/office' : where.partner ? '/partner' : '';
  return `${prefix}/${page}${where.next ? `?next=${encodeURIComponent(where.next)}` : ''}`;
}
