/** Passkeys among what the browser fills into the address: nothing to press for who has one. */

import { asApiError } from '@qd/api';
import { passkeysOffered } from '@qd/ui/security';
import { useCallback, useEffect, useRef } from 'react';
import { type SignedIn, signInByPasskey } from './signing';

/** The server forgets a challenge after five minutes; a page may stand open longer. */
const RENEW_MS = 280_000;

export function usePasskeyOffer(staff: boolean, on: boolean, onSignedIn: (done: SignedIn) => void, onError: (error: unknown) => void): { end: () => void } {
  const running = useRef<AbortController | null>(null);
  const then = useRef({ onSignedIn, onError });
  then.current = { onSignedIn, onError };
  const end = useCallback(() => running.current?.abort(), []);

  useEffect(() => {
    if (!on) return;
    let over = false;
    const round = async (): Promise<void> => {
      if (over || !(await passkeysOffered()) || over) return;
      const one = new AbortController();
      running.current = one;
      let stale = false;
      const timer = setTimeout(() => {
        stale = true;
        one.abort();
      }, RENEW_MS);
      try {
        then.current.onSignedIn(await signInByPasskey(staff, { offered: true, signal: one.signal }));
      } catch (e) {
        if (stale) return round();
        // Only an answer that was refused concerns the person: they did not ask for anything else.
        if (!over && asApiError(e).is('passkey_refused', 'sign_in_too_many')) then.current.onError(e);
      } finally {
        clearTimeout(timer);
      }
    };
    void round();
    return () => {
      over = true;
      running.current?.abort();
    };
  }, [on, staff]);

  return { end };
}
