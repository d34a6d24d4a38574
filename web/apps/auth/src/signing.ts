/** Signing in: one request, and where it leads. */

import { type Answer, call, noteSignedIn } from '@qd/api';
import { signInWithPasskey } from '@qd/ui/security';

export type SignedIn = Answer<'post', '/api/v1/auth/sign-in'>;

export interface Credentials {
  email: string;
  password: string;
  code?: string;
}

export async function signIn(staff: boolean, given: Credentials): Promise<SignedIn> {
  const body = { email: given.email.trim(), password: given.password, ...(given.code ? { code: given.code } : {}) };
  const done = staff
    ? await call('post', '/api/v1/auth/staff/sign-in', { body })
    : await call('post', '/api/v1/auth/sign-in', { body });
  noteSignedIn(staff ? 'staff' : 'client');
  return done;
}

/** With a passkey in place of password and code; `offered`: from what the browser fills into the address. */
export async function signInByPasskey(staff: boolean, options: { offered?: boolean; signal?: AbortSignal } = {}): Promise<SignedIn> {
  const done = await signInWithPasskey(staff, options);
  noteSignedIn(staff ? 'staff' : 'client');
  return done;
}

/** Leaves this app: the portal is another page. */
export function leave(address: string): void {
  location.assign(address);
}
