/**
 * Passkeys, the browser's side: bytes to and from base64url, and what the browser throws as our kind
 * of error. Done by hand rather than with `toJSON()` and `parse…FromJSON()`: password managers that
 * answer in the browser's place do not all have those.
 */

import { ApiError, type Answer, asApiError, call, type Schema } from '@qd/api';

/** Passkeys belong to a name: at an address in numbers, and in old browsers, there are none. */
export function passkeysPossible(): boolean {
  return typeof PublicKeyCredential !== 'undefined' && isSecureContext && !/^[\d.]+$|^\[/.test(location.hostname);
}

/** Whether the browser offers passkeys while one types the address. */
export async function passkeysOffered(): Promise<boolean> {
  if (!passkeysPossible()) return false;
  try {
    return (await PublicKeyCredential.isConditionalMediationAvailable?.()) ?? false;
  } catch {
    return false;
  }
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join('');
  return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

const known = (all: readonly Schema<'PasskeyDescriptor'>[]): PublicKeyCredentialDescriptor[] =>
  all.map((d) => ({ type: 'public-key', id: bytes(d.id), transports: d.transports as AuthenticatorTransport[] }));

/** What the browser threw, by a code of our catalogue. The browser does not tell a cancel from "there is none". */
function thrown(e: unknown): ApiError {
  const name = e instanceof Error ? e.name : '';
  if (name === 'AbortError') return new ApiError({ kind: 'aborted', code: 'aborted', outcome: 'not_done', retryable: true, cause: e });
  const code = name === 'InvalidStateError' ? 'passkey_there' : name === 'SecurityError' ? 'passkeys_unavailable' : 'passkey_not_given';
  return new ApiError({ kind: 'problem', code, status: 409, outcome: 'not_done', retryable: true, cause: e });
}

/** The server names what it did not believe as a field; there is no such field on the screen. */
export function passkeyError(e: unknown): ApiError {
  const error = asApiError(e);
  if (!Object.values(error.byPointer).includes('passkey_refused')) return error;
  return new ApiError({ kind: 'problem', code: 'passkey_refused', status: error.status, outcome: 'not_done', retryable: true, cause: error });
}

/** Makes one and has the server keep it. */
export async function addPasskey(name: string): Promise<Answer<'post', '/api/v1/auth/passkeys'>> {
  const { challenge_id, options: o } = await call('post', '/api/v1/auth/passkeys/begin');
  const made = await navigator.credentials
    .create({
      publicKey: {
        ...o,
        challenge: bytes(o.challenge),
        user: { ...o.user, id: bytes(o.user.id) },
        pubKeyCredParams: o.pubKeyCredParams.map((p) => ({ type: 'public-key', alg: p.alg })),
        excludeCredentials: known(o.excludeCredentials),
        authenticatorSelection: o.authenticatorSelection as AuthenticatorSelectionCriteria,
        attestation: 'none',
      },
    })
    .catch((e: unknown) => {
      throw thrown(e);
    });
  const response = (made as PublicKeyCredential).response as AuthenticatorAttestationResponse;
  return call('post', '/api/v1/auth/passkeys', {
    body: {
      challenge_id,
      name,
      credential: {
        response: {
          clientDataJSON: text(response.clientDataJSON),
          attestationObject: text(response.attestationObject),
          transports: response.getTransports?.() ?? [],
        },
      },
    },
  });
}

type ToUse = Schema<'PasskeyToUse'>;

async function answered(asked: ToUse, more: CredentialRequestOptions = {}): Promise<Schema<'PasskeyUsedCredential'>> {
  const { options: o } = asked;
  const got = await navigator.credentials
    .get({
      ...more,
      publicKey: {
        challenge: bytes(o.challenge),
        rpId: o.rpId,
        timeout: o.timeout,
        allowCredentials: known(o.allowCredentials),
        userVerification: 'required',
      },
    })
    .catch((e: unknown) => {
      throw thrown(e);
    });
  const credential = got as PublicKeyCredential | null;
  if (!credential) throw thrown(null);
  const response = credential.response as AuthenticatorAssertionResponse;
  return {
    id: text(credential.rawId),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      ...(response.userHandle ? { userHandle: text(response.userHandle) } : {}),
    },
  };
}

/** A fresh proof with one of one's own. */
export async function proveWithPasskey(): Promise<void> {
  const asked = await call('post', '/api/v1/auth/passkeys/step-up/begin');
  await call('post', '/api/v1/auth/passkeys/step-up', { body: { challenge_id: asked.challenge_id, credential: await answered(asked) } });
}

/**
 * Signs in with any passkey of this place. `offered`: the browser shows it among what it fills into
 * the address, and waits until the person takes it, the signal ends it, or the challenge is too old.
 */
export async function signInWithPasskey(staff: boolean, { offered, signal }: { offered?: boolean; signal?: AbortSignal } = {}): Promise<Answer<'post', '/api/v1/auth/passkeys/sign-in'>> {
  const asked = await call('post', '/api/v1/auth/passkeys/sign-in/begin', { body: { staff } }, signal ? { signal } : {});
  const credential = await answered(asked, { ...(offered ? { mediation: 'conditional' as const } : {}), ...(signal ? { signal } : {}) });
  return call('post', '/api/v1/auth/passkeys/sign-in', { body: { staff, challenge_id: asked.challenge_id, credential } });
}
