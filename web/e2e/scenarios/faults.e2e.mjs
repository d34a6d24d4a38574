// Faults between browser and server in the middle of a write: the server fails, the answer is lost,
// the network is gone. Nothing is lost, nothing is done twice, and the page says which of it it knows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { askForMoney, get } from '../lib/asked.mjs';
import { api, applied, claimCase, compliance } from '../lib/clients.mjs';
import { ready } from '../lib/money.mjs';
import { enter, staff } from '../lib/people.mjs';

const broken = [/status of 50\d/, /ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to load resource/];

/**
 * What happens to the writes of one address, one after the other; the last holds for the rest.
 * `down`: a proxy answers in the server's place. `lost`: it arrives, a proxy answers instead.
 */
async function course(p, address, ...steps) {
  const keys = [];
  await p.route(address, async (route) => {
    const r = route.request();
    if (r.method() !== 'POST') return route.continue();
    keys.push(r.headers()['idempotency-key']);
    const step = steps[Math.min(keys.length, steps.length) - 1];
    if (step === 'through') return route.continue();
    if (step === 'lost') await route.fetch();
    return route.fulfill({ status: step === 'lost' ? 502 : 503, contentType: 'text/html', body: '<h1>Bad gateway</h1>' });
  });
  return keys;
}

const once = (keys, tries) => {
  assert.equal(keys.length, tries, 'requests that left the page');
  assert.equal(new Set(keys).size, 1, 'one intention, one key');
};

test('a deposit: the server is down, then the answer is lost, then there is no network; in the end one payment', async () => {
  const room = await visitor({ viewport: { width: 390, height: 844 }, mobile: true });
  const ines = await ready(room, 'ines');
  const p = await page(room, `/deposit?minor=25000&account=${ines.account.id}&currency=EUR`, { forgive: broken });
  await p.getByRole('button', { name: 'Review' }).tap();
  const keys = await course(p, '**/api/v1/me/deposits', 'down', 'lost', 'through');
  const pay = p.getByRole('button', { name: /^Pay EUR/ });
  const said = p.getByRole('main').getByRole('alert');

  await pay.tap();
  await said.waitFor();
  await look(p, 'faults-deposit-down');
  assert.equal((await api(room)('get', '/me/deposits')).items.length, 0);

  await room.setOffline(true);
  await pay.tap();
  await p.getByText('You are offline.').first().waitFor();
  await look(p, 'faults-deposit-offline');
  assert.equal(keys.length, 1, 'nothing leaves the page without a network');
  await room.setOffline(false);

  await pay.tap();
  await p.getByText("We don't know yet whether it was sent.", { exact: false }).waitFor();
  await pay.tap();
  await p.waitForURL(/\/sandbox\//, { timeout: 30_000 });
  once(keys, 3);
  assert.equal((await api(room)('get', '/me/deposits')).items.length, 1, 'one payment');
  await room.close();
});

test('an approval: the server is down, no network, the answer is lost; the withdrawal has one yes', async () => {
  const id = await askForMoney(3_300);
  const desk = await visitor();
  await enter(desk, staff('farid.aziz'));
  const p = await page(desk, `/office/withdrawals/${id}`, { forgive: broken });
  await p.getByRole('button', { name: 'Approve' }).click();
  const dialog = p.getByRole('dialog', { name: 'Approve the withdrawal' });
  await dialog.getByRole('textbox').last().fill('Own card, as paid in.');
  const keys = await course(p, '**/withdrawals/*/approve', 'down', 'lost', 'through');
  const yes = dialog.getByRole('button', { name: /^(Approve|Give approval)/ });

  await yes.click();
  await dialog.getByText('Nothing was done.', { exact: false }).waitFor();
  await look(p, 'faults-approve-down');
  assert.equal((await get(desk, `/api/v1/withdrawals/${id}`)).state, 'review');

  await desk.setOffline(true);
  await yes.click();
  await dialog.getByText('You are offline.').waitFor();
  await dialog.getByText('Nothing was done.').waitFor();
  await look(p, 'faults-approve-offline');
  assert.equal(await dialog.getByRole('textbox').last().inputValue(), 'Own card, as paid in.', 'what was written stays');
  await desk.setOffline(false);

  await yes.click();
  await dialog.getByText('Trying again is safe', { exact: false }).waitFor();
  await yes.click();
  await dialog.waitFor({ state: 'detached' });
  once(keys, 3);
  const w = await get(desk, `/api/v1/withdrawals/${id}`);
  assert.notEqual(w.state, 'review');
  const { votes } = await get(desk, `/api/v1/approvals/${w.approval_id}`);
  assert.deepEqual(votes.map((v) => v.approve), [true], 'one yes');
  await desk.close();
});

test('a verification: the answer to a yes is lost; the same yes again is the same decision', async () => {
  const client = await visitor();
  const email = await applied(client, 'faults');
  const desk = await compliance();
  const call = api(desk);
  const id = await claimCase(desk, email);
  for (const d of (await call('get', `/kyc/${id}`)).documents) {
    await desk.request.get(`/api/v1/documents/${d.id}`);
    const issued = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10);
    await call('post', `/documents/${d.id}/fields`, d.requirement === 'identity' ? { holder_name: 'Alex Weber', birth_date: '1990-05-17', nationality: 'DE', number: 'C01X00T47', expires_on: '2034-05-16' } : { holder_name: 'Alex Weber', issued_on: issued });
    await call('post', `/documents/${d.id}/accept`, {});
  }
  const p = await page(desk, `/office/kyc/${id}`, { forgive: broken });
  await p.getByRole('button', { name: 'Approve', exact: true }).click();
  const dialog = p.getByRole('dialog', { name: 'Approve the verification' });
  await dialog.getByLabel('Why?').fill('Passport and bill match.');
  const keys = await course(p, '**/kyc/*/approve', 'lost', 'through');
  const yes = dialog.getByRole('button', { name: 'Approve' });

  await desk.setOffline(true);
  await yes.click();
  await dialog.getByText('You are offline.').waitFor();
  await desk.setOffline(false);
  await yes.click();
  await dialog.getByText('Trying again is safe', { exact: false }).waitFor();
  await look(p, 'faults-verification-lost');
  await yes.click();
  await p.waitForURL((u) => !u.pathname.endsWith(id));
  once(keys, 2);
  const one = await call('get', `/kyc/${id}`);
  assert.equal(one.state, 'approved');
  await client.close();
  await desk.close();
});
