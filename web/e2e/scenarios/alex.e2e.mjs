// Alex: his agent, finance and he himself look at the same life, each in their own window.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { api } from '../lib/clients.mjs';
import { balanceThere, depositUntil, payIn, ready } from '../lib/money.mjs';
import { enter, staff } from '../lib/people.mjs';

test('a deposit in one window moves the screens of the other two, and the agent sees no more than they may', async () => {
  const room = await visitor({ viewport: { width: 390, height: 844 }, mobile: true });
  const alex = await ready(room, 'alex');
  const client = (await api(room)('get', '/me')).id;
  const finance = await visitor();
  await enter(finance, staff('farid.aziz'));
  const manager = await visitor();
  await enter(manager, staff('martin.adler'));

  const p = await page(room, `/accounts/${alex.account.id}`);
  await p.getByRole('heading', { level: 1 }).waitFor();
  const f = await page(finance, '/office/deposits');
  await f.locator('[data-qd-row]').first().waitFor();
  const m = await page(manager, `/office/clients/${client}`);
  await m.getByRole('heading', { level: 1, name: 'Alex Weber' }).waitFor();

  const id = await payIn(room, alex, 50_000);
  // His own screen follows by itself; finance's list says that there is more and keeps its rows still.
  await p.getByText('EUR\u00a0500.00').first().waitFor({ timeout: 30_000 });
  await f.getByRole('button', { name: /new or changed row/ }).waitFor({ timeout: 20_000 });
  await f.getByRole('button', { name: /new or changed row/ }).click();
  await f.locator('[data-qd-row]').filter({ hasText: 'Alex Weber' }).first().waitFor();
  await depositUntil(room, id, (d) => d.state === 'posted');
  assert.equal(Number(await balanceThere(alex.login)), 500);
  await look(p, 'alex-account');
  await look(f, 'alex-finance');
  await look(m, 'alex-record');

  const denied = await manager.request.get(`/api/v1/ledger/statement?owner=client:${client}&purpose=wallet&currency=EUR`);
  assert.ok([403, 404].includes(denied.status()), `sales get ${denied.status()} from the ledger`);
  for (const c of [room, finance, manager]) await c.close();
});
