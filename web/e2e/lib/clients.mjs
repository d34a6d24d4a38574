// Clients who are as far as a scenario needs them, made through the API.
import assert from 'node:assert/strict';
import { visitor } from './browser.mjs';
import { enter, mailLink, newAddress, staff } from './people.mjs';
import { sharp } from './pictures.mjs';

export const CLIENT_PASSWORD = 'Alster-Segel-42';

/** Calls with the cookies of a visitor; fails loudly. */
export const api = (context) => async (method, path, data) => {
  const r = await context.request[method](`/api/v1${path}`, { data, headers: { 'x-qd-request': '1', 'idempotency-key': crypto.randomUUID() } });
  assert.ok(r.ok(), `${method} ${path}: ${r.status()} ${await r.text()}`);
  return r.status() === 204 ? null : r.json();
};

/** Registered, address proven, signed in on this visitor's browser. */
export async function registered(context, name = 'room') {
  const email = newAddress(name);
  const call = api(context);
  await call('post', '/register', { email, password: CLIENT_PASSWORD, first_name: 'Alex', last_name: 'Weber', country: 'DE', language: 'en' });
  await enter(context, email, { kind: 'client', password: CLIENT_PASSWORD });
  const link = new URL(await mailLink(email, 'token='));
  await call('post', '/auth/email/verify', { token: link.searchParams.get('token') });
  return email;
}

/** The same from inside a page, for brands whose names only browsers know. */
export async function registeredIn(p, { country, language }, name = 'room') {
  const email = newAddress(name);
  const call = (path, data) =>
    p.evaluate(
      async ([path, data, key]) => {
        const r = await fetch(`/api/v1${path}`, { method: 'POST', body: JSON.stringify(data), headers: { 'content-type': 'application/json', 'x-qd-request': '1', 'idempotency-key': key } });
        if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
      },
      [path, data, crypto.randomUUID()],
    );
  await call('/register', { email, password: CLIENT_PASSWORD, first_name: 'Layla', last_name: 'Haddad', country, language });
  await call('/auth/sign-in', { email, password: CLIENT_PASSWORD });
  const link = new URL(await mailLink(email, 'token='));
  await call('/auth/email/verify', { token: link.searchParams.get('token') });
  await p.evaluate(() => localStorage.setItem('qd.signed_in', 'client'));
  return email;
}

/** Profile, test and documents handed in; `pep` says of themselves that they are, `holder` is the passport's name. */
export async function applied(context, name, options) {
  const email = await registered(context, name);
  await apply(context, options);
  return email;
}

/** The same for somebody who is registered already. */
export async function apply(context, { pep = false, holder, last_name = 'Weber' } = {}) {
  const call = api(context);
  for (const [step, values] of Object.entries({
    personal: { first_name: 'Alex', last_name, birth_date: '1990-05-17', nationality: 'DE' },
    address: { street: 'Elbchaussee 1', postal_code: '22765', city: 'Hamburg', country: 'DE' },
    employment: { occupation: 'employed', income_band: '50k_100k', wealth_band: '20k_100k', source_of_funds: 'salary', pep },
    tax: { tax_country: 'DE', us_person: false },
  })) {
    await call('patch', '/me', { step, values });
  }
  await call('post', '/me/questionnaire', {
    answers: { experience_years: ['over_3'], trades_last_year: ['over_50'], education: ['finance_work'], leverage_effect: ['gains_and_losses'], margin_closeout: ['positions_closed'], risk_of_loss: ['can_lose_all'] },
  });
  const passport = `requirement=identity&kind=passport${holder ? `&holder_name=${encodeURIComponent(holder)}` : ''}`;
  for (const query of [passport, 'requirement=address&kind=utility_bill']) {
    const r = await context.request.post(`/api/v1/me/kyc/documents?${query}`, { data: sharp().buffer, headers: { 'content-type': 'image/png', 'x-qd-request': '1' } });
    assert.ok(r.ok(), await r.text());
  }
  await call('post', '/me/kyc/submit', {});
}

/** A visitor at compliance's desk. */
export async function compliance() {
  const desk = await visitor();
  await enter(desk, staff('clara.stein'));
  return desk;
}

/** The client's case, claimed, once it is in the queue. */
export async function claimCase(desk, email) {
  const call = api(desk);
  for (let tries = 0; tries < 50; tries++) {
    const queue = await call('get', '/kyc/queue?limit=200');
    for (const row of queue.items) {
      const one = await call('get', `/kyc/${row.case_id}`);
      if (one.applicant?.email !== email) continue;
      await call('post', `/kyc/${row.case_id}/claim`, {});
      return row.case_id;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the case never came to the queue');
}

/** Reads, accepts and approves all of it, as a reviewer does. */
export async function approve(email, { name = 'Alex Weber' } = {}) {
  const desk = await compliance();
  const call = api(desk);
  const id = await claimCase(desk, email);
  for (const d of (await call('get', `/kyc/${id}`)).documents) {
    if (d.state !== 'pending') continue;
    await desk.request.get(`/api/v1/documents/${d.id}`);
    const issued = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10);
    await call('post', `/documents/${d.id}/fields`, d.requirement === 'identity' ? { holder_name: name, birth_date: '1990-05-17', nationality: 'DE', number: 'C01X00T47', expires_on: '2034-05-16' } : { holder_name: name, issued_on: issued });
    await call('post', `/documents/${d.id}/accept`, {});
  }
  const { version } = await call('get', `/kyc/${id}`);
  await call('post', `/kyc/${id}/approve`, { version, reason: 'Passport and bill match.' });
  await desk.close();
}
