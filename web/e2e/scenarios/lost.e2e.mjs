// Lost in between: the provider says paid, and the next one refuses, is late, or says nothing. Client
// and house see the same true state, each on their own screen, without loading the page again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { api } from '../lib/clients.mjs';
import { balanceThere, cardFault, depositUntil, payIn, platformFault, ready, resendCallback, until } from '../lib/money.mjs';
import { enter, staff } from '../lib/people.mjs';

const phone = { viewport: { width: 390, height: 844 }, mobile: true };

test('the trading server refuses paid money: client and finance see it, finance sends it again, once', async () => {
  const room = await visitor(phone);
  const rosa = await ready(room, 'rosa');
  const desk = await visitor();
  await enter(desk, staff('farid.aziz'));
  const queue = await page(desk, '/office/exceptions');
  await queue.getByRole('heading', { level: 1, name: 'Exceptions' }).waitFor();

  await platformFault('refuse', { value: '3' });
  const id = await payIn(room, rosa, 30_000);
  const p = await page(room, `/deposits/${id}`);
  await p.getByText('Your money is safe in the wallet', { exact: false }).waitFor({ timeout: 30_000 });
  await look(p, 'lost-refused-client');
  assert.equal(Number(await balanceThere(rosa.login)), 0);

  // Finance's list was open all the while: it says that there is something new.
  const exception = await until('the exception', async () => (await api(desk)('get', '/exceptions?state=open&kind=platform.move_refused')).items[0]);
  await queue.getByRole('button', { name: /new or changed row/ }).or(queue.getByText('The trading server refused money')).first().waitFor({ timeout: 15_000 });
  const news = queue.getByRole('button', { name: /new or changed row/ });
  if (await news.isVisible()) await news.click();
  await queue.getByRole('button', { name: 'The trading server refused money' }).first().click();
  await queue.waitForURL(/peek=/);
  const file = queue.getByRole('dialog', { name: 'The trading server refused money' });
  await file.getByText('Alex Weber').first().waitFor();
  await file.getByText('Safe to repeat', { exact: false }).waitFor();
  await look(queue, 'lost-refused-finance');
  await file.getByRole('button', { name: 'Try again' }).click();

  // The client's screen follows by itself.
  await p.getByText('Your money is safe in the wallet', { exact: false }).waitFor({ state: 'detached', timeout: 30_000 });
  await p.getByText('The money is there').waitFor();
  await look(p, 'lost-refused-mended');
  await depositUntil(room, id, (d) => d.steps.every((s) => s.state === 'done'));
  // A second, accidental "again" from another window changes nothing.
  const move = exception.subject.replace('move:', '');
  await desk.request.post(`/api/v1/moves/${move}/retry`, { data: {}, headers: { 'x-qd-request': '1', 'idempotency-key': crypto.randomUUID() } });
  assert.equal(Number(await balanceThere(rosa.login)), 300, 'on the account once');
  await room.close();
  await desk.close();
});

test('the trading server books and does not say so: looked up, not sent again', async () => {
  const room = await visitor(phone);
  const silke = await ready(room, 'silke');
  await platformFault('drop_after');
  const id = await payIn(room, silke, 20_000);
  const p = await page(room, `/deposits/${id}`);
  await p.getByText('The money is there').waitFor({ timeout: 60_000 });
  await look(p, 'lost-silent');
  assert.equal(Number(await balanceThere(silke.login)), 200);
  await room.close();
});

test('the callback is lost, then comes 32 times at once, beside a forged one: booked once, and both screens agree', async () => {
  const room = await visitor(phone);
  const lotte = await ready(room, 'lotte');
  const desk = await visitor();
  await enter(desk, staff('farid.aziz'));
  const found = await cardFault('lost', { count: 20 });
  const forged = await cardFault('forged', { count: 2 });
  const id = await payIn(room, lotte, 30_000);
  const p = await page(room, `/deposits/${id}`);
  const q = await page(desk, `/office/deposits/${id}`);
  await q.getByRole('heading', { level: 1, name: 'Deposit of Alex Weber' }).waitFor();
  // The house asks the provider by itself.
  await p.getByText('The money is there').waitFor({ timeout: 60_000 });
  await found();
  await forged();
  const done = await depositUntil(room, id, (d) => d.state === 'posted');
  const seen = await api(desk)('get', `/deposits/${id}`);
  await resendCallback(seen.provider_ref ?? done.provider_ref, 32);
  const changed = q.getByRole('button', { name: 'Show the new state' });
  await changed.or(q.getByText('Booked', { exact: true })).first().waitFor({ timeout: 15_000 });
  if (await changed.isVisible()) await changed.click();
  await q.getByText('Booked', { exact: true }).first().waitFor();
  await look(q, 'lost-callback-finance');
  await look(p, 'lost-callback-client');
  assert.equal(Number(await balanceThere(lotte.login)), 300, 'on the account once');
  const wallet = await api(desk)('get', `/ledger/statement?owner=client:${seen.client_id}&purpose=wallet&currency=EUR&limit=50`);
  assert.equal(wallet.items.filter((l) => l.kind === 'deposit').length, 1, 'booked once');
  await room.close();
  await desk.close();
});

test('the connection breaks on Pay: the page says what is known, the same press again pays once', async () => {
  const room = await visitor(phone);
  const eva = await ready(room, 'eva');
  const p = await page(room, `/deposit?minor=25000&account=${eva.account.id}&currency=EUR`, { forgive: [/ERR_FAILED|ERR_INTERNET|Failed to load/] });
  await p.getByRole('button', { name: 'Review' }).tap();
  // The request arrives, the answer is lost.
  let lost = 0;
  await p.route('**/api/v1/me/deposits', async (r) => {
    if (r.request().method() !== 'POST' || lost > 0) return r.continue();
    lost += 1;
    await r.fetch();
    return r.abort('failed');
  });
  await p.getByRole('button', { name: /^Pay EUR/ }).tap();
  const again = p.getByText("We don't know yet whether it was sent.", { exact: false });
  await again.or(p.getByRole('button', { name: 'Give up' })).first().waitFor({ timeout: 20_000 }).catch(() => {});
  if (await again.isVisible()) {
    await look(p, 'lost-answer');
    await p.getByRole('button', { name: /^Pay EUR/ }).tap();
  }
  await p.waitForURL(/\/sandbox\//, { timeout: 30_000 });
  assert.equal(lost, 1);
  const { items } = await api(room)('get', '/me/deposits');
  assert.equal(items.length, 1, 'one deposit');
  await room.close();
});
