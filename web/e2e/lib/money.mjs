// Clients with money, and orders to the simulated outside world: what a scenario about money begins with.
import assert from 'node:assert/strict';
import { url } from './browser.mjs';
import { api, applied, approve } from './clients.mjs';

/** The demo's connections for clients of its European entity. */
export const CARDS = 'stripe-eu';
export const PLATFORM = 'eu-live';

/** Asks until there is an answer; scenarios never wait for time alone. */
export async function until(what, ask, seconds = 40) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

async function control(method, path, body) {
  const r = await fetch(`${url}/sandbox/control${path}`, { method, headers: { 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await r.text();
  assert.ok(r.ok, `${method} ${path}: ${r.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Orders a misbehaviour of a counterparty; answers how to take it back. */
export async function fault(order) {
  const { id } = await control('POST', '/faults', order);
  return () => control('DELETE', `/faults/${id}`).catch(() => {});
}
export const cardFault = (kind, more = {}) => fault({ provider: 'stripe', server: CARDS, target: 'webhook', kind, ...more });
export const platformFault = (kind, more = {}) => fault({ provider: 'mt5', server: PLATFORM, target: 'trade/balance', kind, count: 1, ...more });

/** Sends the true callback of a checkout again, as often as one likes and all at once. */
export async function resendCallback(session, times) {
  const said = await control('GET', `/stripe/${CARDS}/events`);
  const events = said.events ?? said.data ?? said;
  const event = events.find((e) => e.type === 'checkout.session.completed' && JSON.stringify(e).includes(session));
  assert.ok(event, 'the card processor has no event of this payment');
  await control('POST', `/stripe/${CARDS}/resend`, { event: event.id, times, concurrent: true });
}

/** Does something at the trading server, as its own people or the market would. */
export const order = (path, body) => control('POST', `/mt5/${PLATFORM}${path}`, body);

/** What the trading server itself says about a login, as text: `300.00`. */
export async function balanceThere(login) {
  const { accounts } = await control('GET', `/mt5/${PLATFORM}/accounts`);
  const found = accounts.find((a) => String(a.login) === String(login));
  assert.ok(found, `the trading server has no login ${login}`);
  return String(found.balance);
}

/** A German card of the sandbox that nobody has used: one that two clients share is looked at by a person. */
export function newCard() {
  const body = `400000276${Array.from({ length: 6 }, () => Math.floor(Math.random() * 10)).join('')}`;
  const sum = [...body].reverse().reduce((n, d, at) => n + (at % 2 ? Number(d) : Number(d) > 4 ? Number(d) * 2 - 9 : Number(d) * 2), 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}

/** Verified, with an open live account; signed in on this visitor's browser. */
export async function ready(context, name = 'ready') {
  const email = await applied(context, name);
  await approve(email);
  const account = await until('a live account', async () => (await api(context)('get', '/me/accounts')).items.find((a) => a.kind === 'live' && a.state === 'ready'));
  return { email, account, login: account.login, card: newCard() };
}

/** Starts a deposit and types the card on the provider's page. */
export async function payIn(context, client, minor, { method = 'card' } = {}) {
  const call = api(context);
  const { id } = await call('post', '/me/deposits', { amount: { minor, currency: 'EUR' }, method, account_id: client.account.id });
  const started = await depositUntil(context, id, (d) => d.state === 'redirected');
  await typeCard(started.redirect_url, client);
  return id;
}

/** What the customer does on the provider's page. */
export async function typeCard(address, client) {
  const r = await fetch(new URL(`${new URL(address, url).pathname}/pay`, url), { method: 'POST', redirect: 'manual', body: new URLSearchParams({ number: client.card, name: 'Alex Weber', email: client.email }) });
  assert.equal(r.status, 303, 'the provider takes the card');
}

export function depositUntil(context, id, fits, seconds) {
  return until(`deposit ${id}`, async () => {
    const d = await api(context)('get', `/me/deposits/${id}`);
    return fits(d) && d;
  }, seconds);
}

/** As `ready`, with money on the account. */
export async function funded(context, name, minor = 50_000) {
  const client = await ready(context, name);
  client.deposit = await payIn(context, client, minor);
  await depositUntil(context, client.deposit, (d) => d.state === 'posted');
  return client;
}

/** Asks for money back; answers the withdrawal's id. */
export async function askBack(context, client, minor) {
  const { id } = await api(context)('post', '/me/withdrawals', { amount: { minor, currency: 'EUR' }, account_id: client.account.id });
  return id;
}

/** A withdrawal as the house sees it, once it fits. */
export function withdrawalUntil(desk, id, fits, seconds) {
  return until(`withdrawal ${id}`, async () => {
    const w = await api(desk)('get', `/withdrawals/${id}`);
    return fits(w) && w;
  }, seconds);
}
