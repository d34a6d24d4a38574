// A withdrawal that waits for people, made behind the screens: for scenarios that begin at a desk.
import { randomUUID } from 'node:crypto';
import { visitor } from './browser.mjs';
import { enter, staff } from './people.mjs';

/** A write as a portal would send it. */
export async function post(context, path, data, method = 'post') {
  const r = await context.request[method](path, { data, headers: { 'x-qd-request': '1', 'idempotency-key': randomUUID() } });
  if (!r.ok()) throw new Error(`${path}: ${await r.text()}`);
  return r.json();
}

export async function get(context, path) {
  const r = await context.request.get(path);
  if (!r.ok()) throw new Error(`${path}: ${await r.text()}`);
  return r.json();
}

/** The demo's client asks for some euros from their account; answers the withdrawal once people must decide about it. */
export async function askForMoney(minor) {
  const client = await visitor();
  const office = await visitor();
  try {
    await enter(client, 'client@quarterdeck.example');
    await enter(office, staff('farid.aziz'));
    const account = (await get(client, '/api/v1/me/accounts')).items.find((a) => a.kind === 'live' && a.state === 'ready');
    const w = await post(client, '/api/v1/me/withdrawals', { amount: { minor, currency: 'EUR' }, account_id: account.id });
    for (let tries = 0; tries < 100; tries++) {
      const now = await get(office, `/api/v1/withdrawals/${w.id}`);
      if (now.state === 'review') return w.id;
      if (!['collecting', 'deciding'].includes(now.state)) throw new Error(`the withdrawal is ${now.state}, not for people to decide`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('the withdrawal never came to people');
  } finally {
    await client.close();
    await office.close();
  }
}
