/** Who is signed in, the way to the door and back, and signing out. */

import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import type { Answer } from './client';
import { call } from './client';
import { useApiQuery } from './hooks';
import { configureApi } from './transport';

export type Me = Answer<'get', '/api/v1/auth/me'>;

const ME = '/api/v1/auth/me' as const;

/** The person at the screen. Kept for the life of the page; a lost session goes to the door. */
export function useMe() {
  return useApiQuery(ME, undefined, { staleTime: 5 * 60_000 });
}

/** Whether a right is there at all; its reach is the server's to decide. */
export function can(me: Me | undefined, right: string): boolean {
  return me !== undefined && Object.hasOwn(me.rights, right);
}

/** Whether a field group is shown or stands as `•••`. */
export function sees(me: Me | undefined, group: string): boolean {
  return me?.sees.includes(group) ?? false;
}

/** Staff without a second factor where the house wants one, or with a first password: only their own security is open. */
export function mustSecure(me: Me): boolean {
  return me.kind === 'staff' && !can(me, 'me.view') && can(me, 'me.security');
}

/** The door that belongs to a page. */
export function signInAddress(path: string, returnTo?: string): string {
  const door = /^\/office(\/|$)/.test(path) ? '/office/sign-in' : '/sign-in';
  const next = safeNext(returnTo);
  return next && next !== '/' ? `${door}?next=${encodeURIComponent(next)}` : door;
}

/** An address of our own pages, else null: a link must not send people elsewhere after sign-in. */
export function safeNext(next: string | null | undefined): string | null {
  if (!next || next.length > 2_000 || !/^\/(?![/\\])/.test(next) || /[\u0000-\u001f\\]/.test(next)) return null;
  if (/^(\/office)?\/(sign-in|register|forgot|reset|verify|verify-email|invite)(\/|\?|$)/.test(next)) return null;
  return next;
}

const HINT = 'qd.signed_in';

/** Notes that this browser has a session, so that pages for strangers know whether asking is worth it. */
export function noteSignedIn(kind: 'staff' | 'client' | null): void {
  try {
    if (kind) localStorage.setItem(HINT, kind);
    else localStorage.removeItem(HINT);
  } catch {
    // Without storage every visit begins at the door.
  }
}

/** Who was signed in here last and has not signed out; the session itself may be over. */
export function signedInHint(): 'staff' | 'client' | null {
  try {
    const kind = localStorage.getItem(HINT);
    return kind === 'staff' || kind === 'client' ? kind : null;
  } catch {
    return null;
  }
}

let leaving = false;

/** To be called once by each app: a lost session leads to the door, and back here afterwards. */
export function guardSession(go: (address: string) => void = (a) => location.assign(a)): void {
  configureApi({
    onSignedOut: () => {
      if (leaving) return;
      leaving = true;
      noteSignedIn(null);
      go(signInAddress(location.pathname, location.pathname + location.search + location.hash));
    },
  });
  announcements()?.addEventListener('message', (m: MessageEvent<string>) => {
    if (m.data === 'signed_out') go(signInAddress(location.pathname));
  });
}

let channel: BroadcastChannel | null | undefined;
function announcements(): BroadcastChannel | null {
  channel ??= typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('qd-session');
  return channel;
}

/** Ends the session here and in the other tabs, and forgets what was loaded. */
export async function signOut(client: QueryClient, go: (address: string) => void = (a) => location.assign(a)): Promise<void> {
  leaving = true;
  try {
    await call('post', '/api/v1/auth/sign-out');
  } catch {
    // Over already, or no network: the cookie ends by itself, the screen is cleared now.
  }
  noteSignedIn(null);
  announcements()?.postMessage('signed_out');
  client.clear();
  go(signInAddress(location.pathname));
}

export function useSignOut(): () => void {
  const client = useQueryClient();
  return useCallback(() => void signOut(client), [client]);
}

/** Installs the proof dialog; `ask` resolves true when the server accepted a proof. */
export function useStepUpHandler(ask: () => Promise<boolean>): void {
  useEffect(() => {
    configureApi({ stepUp: ask });
    return () => configureApi({ stepUp: null });
  }, [ask]);
}
