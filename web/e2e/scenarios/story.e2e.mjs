// The whole of Alex's life with the house, in the windows of those who take part: the agent, Alex
// himself on a telephone, his partner; finance and the partner desk come in where they are needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { api, apply, approve, CLIENT_PASSWORD } from '../lib/clients.mjs';
import { balanceThere, newCard, order, until, withdrawalUntil } from '../lib/money.mjs';
import { enter, mailLink, newAddress, staff } from '../lib/people.mjs';

const phone = { viewport: { width: 390, height: 844 }, mobile: true };
const refused = [/status of 40[1349]/, /status of 422/];

/** The same words to a small number, for a name nobody else has. */
const mark = () => Math.random().toString(36).replace(/[^a-z]/g, '').slice(0, 6);

test('from the first form to a payout that two people approve, in three windows', async (t) => {
  const email = newAddress('story');
  const last = `Weber-${mark()}`;
  const name = `Alex ${last}`;
  const [office, room, broker] = [await visitor(), await visitor(phone), await visitor()];
  await enter(office, staff('martin.adler'));
  await enter(broker, 'partner@quarterdeck.example');
  let client;
  let account;

  await t.test('the form of the website makes a lead, and it has an agent', async () => {
    await api(room)('post', '/leads', {
      brand: 'northwind', first_name: 'Alex', last_name: last, email, phone: `+4940${String(Math.floor(Math.random() * 1e7)).padStart(7, '2')}`, language: 'de', country: 'DE',
      came: { utm_source: 'google', utm_medium: 'cpc', utm_campaign: 'herbst', landing_page: '/de/start', landing_language: 'de' },
      consents: [{ kind: 'privacy', version: '2026-01', given: true }],
    });
    const hit = await until('the lead', async () => (await api(office)('get', `/search?q=${encodeURIComponent(email)}`)).items[0]);
    assert.equal(hit.desk, 'german');
    assert.ok(hit.owner_id, 'somebody has it');
    client = hit.id;
  });

  const p = await page(office, `/office/clients/${client}`, { forgive: refused });
  await t.test('the agent logs a call with what comes next', async () => {
    await p.getByRole('heading', { level: 1, name }).waitFor();
    await p.getByRole('button', { name: 'Log a call' }).click();
    const dialog = p.getByRole('dialog', { name: `Call with ${name}` });
    await dialog.getByLabel('What was said').fill('Wants to start with a few thousand euro.');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await p.getByText('The call is logged.').waitFor();
    await p.getByRole('heading', { name: 'Consents' }).waitFor();
    await p.getByText('Privacy policy').first().waitFor();
    await look(p, 'story-agent');
    await p.goto(`/office/clients/${client}?tab=story`);
    await p.getByText('Wants to start with a few thousand euro.').first().waitFor();
  });

  const q = await page(room, '/register?pc=RHEINTAL&lang=en', { forgive: refused });
  await t.test('he registers with his partner\'s code on the same record, and proves his address', async () => {
    await q.getByLabel('Where do you live?').selectOption('DE');
    await q.getByLabel('E-mail address').fill(email);
    await q.getByLabel('Choose a password').fill(CLIENT_PASSWORD);
    await q.getByRole('button', { name: 'Continue' }).tap();
    await q.getByLabel('First name').fill('Alex');
    await q.getByLabel('Last name').fill(last);
    await q.getByRole('checkbox', { name: /I have read/ }).check();
    await q.getByRole('button', { name: 'Open account' }).tap();
    await q.getByRole('heading', { name: /confirm your address/ }).waitFor();
    await q.goto(await mailLink(email, 'token='));
    await q.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
    assert.equal((await api(room)('get', '/me')).id, client, 'one record, not two');
  });

  await t.test('he is verified, and the house opens his account; the agent sees it', async () => {
    await apply(room, { last_name: last });
    await approve(email, { name });
    account = await until('a live account', async () => (await api(room)('get', '/me/accounts')).items.find((a) => a.kind === 'live' && a.state === 'ready'));
    await q.goto('/');
    await q.getByRole('heading', { name: 'Fund your account' }).waitFor({ timeout: 20_000 });
    await p.goto(`/office/clients/${client}?tab=accounts`);
    await p.getByText(String(account.login)).first().waitFor();
  });

  await t.test('he pays in by card; his account has it, and so has the trading server', async () => {
    await q.goto(`/deposit?minor=600000&account=${account.id}&currency=EUR`);
    await q.getByRole('button', { name: 'Review' }).tap();
    await q.getByRole('button', { name: /^Pay EUR/ }).tap();
    await q.waitForURL(/\/sandbox\//, { timeout: 20_000 });
    await q.getByLabel('Card number').fill(newCard());
    await q.getByLabel('Name on card').fill(name);
    await q.getByRole('button', { name: /^Pay 6/ }).tap();
    await q.waitForURL(/\/deposits\/dep_/);
    await q.getByText('The money is there').waitFor({ timeout: 40_000 });
    assert.equal(Number(await balanceThere(account.login)), 6000);
    await look(q, 'story-deposit');
  });

  const b = await page(broker, '/partner', { forgive: refused });
  await t.test('he trades; his partner earns and reads why', async () => {
    await order('/trade', { login: account.login, symbol: 'EURUSD', side: 'buy', volume_lots: '0.20', hold_s: 90, move_points: 50 });
    const line = await until('the partner\'s line', async () => (await api(broker)('get', '/me/partner/lines?limit=50')).items.find((l) => l.client_id === client && l.minor > 0), 60);
    await q.goto(`/accounts/${account.id}?tab=deals`);
    await q.getByText('EURUSD').first().waitFor({ timeout: 20_000 });
    await b.goto('/partner/lines');
    await b.getByRole('row').filter({ hasText: client.slice(-8) }).first().click();
    const rate = line.explanation.steps.find((x) => x.op === 'times').value;
    await b.getByText(new RegExp(`0\\.20* lots? × ${rate} USD`)).first().waitFor();
    await b.getByText('0.20').first().waitFor();
    await look(b, 'story-why');
  });

  await t.test('his statement and the partner\'s: the period is closed, the payout prepared by one and released by another', async () => {
    const desk = await visitor();
    await enter(desk, staff('paula.ortiz'));
    const all = await api(desk)('get', '/partners?limit=100');
    const partner = all.items.find((x) => x.name === 'Rheintal Trading School').id;
    const s = await api(desk)('post', `/partners/${partner}/statements`, { currency: 'EUR', to_us: Date.now() * 1000 });
    assert.ok(s.closing_minor > 0);
    await b.goto(`/partner/statements/${s.id}`);
    await b.getByText('Closing balance').waitFor();
    await look(b, 'story-statement');

    const d = await page(desk, `/office/partners/${partner}?tab=payouts`, { forgive: refused });
    await d.getByRole('button', { name: 'Prepare a payout' }).click();
    await d.getByRole('dialog').getByLabel('Amount').fill('1.00');
    await d.getByRole('dialog').getByRole('button', { name: 'Prepare a payout' }).click();
    await d.getByText('Prepared: waits for a second person').waitFor();
    await desk.close();
    const finance = await visitor();
    await enter(finance, staff('farid.aziz'));
    const f = await page(finance, `/office/partners/${partner}?tab=payouts`, { forgive: refused });
    await f.locator('[data-qd-open]').first().click();
    await f.getByRole('button', { name: 'Release or refuse' }).click();
    const vote = f.getByRole('dialog', { name: 'Release or refuse' });
    await vote.getByLabel(/EUR.1\.00/).fill('1.00');
    await vote.getByRole('button', { name: 'Approve' }).click();
    await f.getByText('Released').first().waitFor();
    await finance.close();
  });

  await t.test('he wants 5,500 back: two people say yes, and his page says that it is paid', async () => {
    await q.goto('/withdraw');
    await q.getByLabel('Amount').fill('5500');
    await q.getByText('Back to').waitFor();
    await q.getByRole('button', { name: 'Review', exact: true }).tap();
    await q.getByRole('button', { name: /^Withdraw EUR/ }).tap();
    await q.waitForURL(/\/withdrawals\/wdr_/, { timeout: 20_000 });
    const id = new URL(q.url()).pathname.split('/').at(-1);
    for (const [n, who] of [[1, 'farid.aziz'], [2, 'greta.holm']]) {
      const desk = await visitor();
      await enter(desk, staff(who));
      await withdrawalUntil(desk, id, (w) => w.state === 'review');
      const f = await page(desk, `/office/withdrawals/${id}`, { forgive: refused });
      await f.getByRole('button', { name: 'Approve' }).click();
      const dialog = f.getByRole('dialog', { name: 'Approve the withdrawal' });
      await dialog.getByLabel(/Type the amount/).fill('5500.00');
      await dialog.getByRole('button', { name: `Give approval ${n} of 2` }).click();
      await dialog.waitFor({ state: 'detached' });
      if (n === 1) await look(f, 'story-first-yes');
      await desk.close();
    }
    await q.getByText('Paid', { exact: true }).or(q.getByText('Paid out', { exact: true })).first().waitFor({ timeout: 60_000 });
    await look(q, 'story-paid');
    assert.ok(Number(await balanceThere(account.login)) < 600);
    await p.goto(`/office/clients/${client}?tab=story`);
    await p.getByRole('heading', { level: 1, name }).waitFor();
    await look(p, 'story-record');
  });
  for (const c of [office, room, broker]) await c.close();
});
