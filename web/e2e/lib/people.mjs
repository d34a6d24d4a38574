// Who there is to be in the demo, the mails that were caught, codes of an authenticator app.
import { createHmac } from 'node:crypto';
import { url } from './browser.mjs';

export const PASSWORD = 'harbour-lights-2026';
export const staff = (who) => `${who}@quarterdeck.example`;

/** A mail address nobody had before. */
export function newAddress(name = 'alex') {
  return `${name}.${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}@example.com`;
}

/** Signs a visitor in without the screens: for scenarios that begin behind the door. */
export async function enter(context, email, { kind = email.endsWith('@quarterdeck.example') && !/^(client|partner)@/.test(email) ? 'staff' : 'client', password = PASSWORD } = {}) {
  const address = kind === 'staff' ? '/api/v1/auth/staff/sign-in' : '/api/v1/auth/sign-in';
  const ask = () => context.request.post(address, { data: { email, password }, headers: { 'x-qd-request': '1' } });
  let r = await ask();
  // All scenarios come from one address, and the door counts sign-ins by address: what they may wait for, they wait for.
  for (let tries = 0; r.status() === 429 && tries < 10; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    r = await ask();
  }
  if (!r.ok()) throw new Error(`${email} cannot sign in: ${await r.text()}`);
  // What the door notes, so that pages for strangers know.
  await context.addInitScript((k) => localStorage.setItem('qd.signed_in', k), kind);
}

/** The link in the newest mail to somebody whose text has `path` in it; waits until it is there. */
export async function mailLink(to, path, base = url) {
  for (let tries = 0; tries < 100; tries++) {
    const all = await (await fetch(`${base}/sandbox/mail/messages?to=${encodeURIComponent(to)}`)).json();
    const items = Array.isArray(all) ? all : (all.items ?? all.messages ?? []);
    const found = items
      .sort((a, b) => b.received_at_us - a.received_at_us)
      .map((m) => `${m.text ?? ''} ${m.html ?? ''}`.match(new RegExp(`https?://[^\\s"<>]*${path}[^\\s"<>]*`))?.[0])
      .find(Boolean);
    if (found) return found.replaceAll('&amp;', '&');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${to} with a link to ${path}`);
}

/** The code an authenticator app shows (RFC 6238); `shift` in steps of 30 seconds. */
export function totp(secret, shift = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/\s|=/g, '')].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + shift));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
