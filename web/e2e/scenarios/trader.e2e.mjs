// Screens of the Trader's Room with a client's seeded business, in every language, size and colour.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, rounds, url, views, visitor } from '../lib/browser.mjs';
import { api, applied, approve, claimCase, CLIENT_PASSWORD, compliance, registered, registeredIn } from '../lib/clients.mjs';
import { enter, newAddress, staff } from '../lib/people.mjs';
import { sharp } from '../lib/pictures.mjs';

const pages = ['/', '/accounts', '/accounts/new', '/deposit', '/withdraw', '/transfer', '/history', '/history/statement', '/verification', '/verification/profile', '/verification/questionnaire', '/verification/documents', '/support', '/support/new', '/notices', '/settings', '/partnership', '/profile'];

for (const view of rounds) {
  test(`a client's room looks right: ${view.name}`, async () => {
    // The seeded client's own brand, whatever the language.
    const context = await visitor({ ...view, base: url });
    await enter(context, staff('client'));
    const p = await page(context, '/');
    for (const address of pages) {
      await p.goto(address);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await look(p, `trader-${address === '/' ? 'home' : address.slice(1).replaceAll('/', '-')}-${view.name}`);
    }
    await context.close();
  });
}

test('an account shows its figures, positions, deals and a statement', async () => {
  for (const view of views.filter((v) => v.name.endsWith('light') && v.lang !== 'ar')) {
    const context = await visitor(view);
    await enter(context, staff('client'));
    const p = await page(context, '/accounts');
    await p.locator('main a[href^="/accounts/tacc_"]').first().click();
    await p.waitForURL(/\/accounts\/tacc_/);
    for (const tab of ['positions', 'deals', 'money']) {
      await p.goto(`${new URL(p.url()).pathname}?tab=${tab}`);
      await p.getByRole('tab', { selected: true }).waitFor();
      await look(p, `trader-account-${tab}-${view.name}`);
    }
    await p.goto(`${new URL(p.url()).pathname}/statement?month=2026-09`);
    await p.getByRole('heading', { level: 1 }).waitFor();
    await look(p, `trader-account-statement-${view.name}`);
    await context.close();
  }
});

test('a refused document is sent again, only that one, with the reason in sight; the history keeps both', async () => {
  const context = await visitor({ viewport: { width: 390, height: 844 }, mobile: true });
  const email = await applied(context, 'again');
  const desk = await compliance();
  const call = api(desk);
  const id = await claimCase(desk, email);
  const one = await call('get', `/kyc/${id}`);
  const bill = one.documents.find((d) => d.requirement === 'address');
  for (const d of one.documents) await desk.request.get(`/api/v1/documents/${d.id}`);
  await call('post', `/documents/${bill.id}/reject`, { reason_code: 'image_quality' });
  const passport = one.documents.find((d) => d.requirement === 'identity');
  await call('post', `/documents/${passport.id}/fields`, { holder_name: 'Alex Weber', birth_date: '1990-05-17', nationality: 'DE', number: 'C01X00T47', expires_on: '2034-05-16' });
  await call('post', `/documents/${passport.id}/accept`, {});
  const now = await call('get', `/kyc/${id}`);
  if (now.state !== 'resubmission') await call('post', `/kyc/${id}/ask-again`, { version: now.version, reason: 'The bill cannot be read.' });
  await desk.close();

  const p = await page(context, '/');
  await p.getByRole('heading', { name: 'We need one thing again' }).waitFor();
  await look(p, 'trader-resubmit-home');
  await p.getByRole('link', { name: 'Send it again' }).tap();
  await p.getByText('The picture is blurred or too dark').first().waitFor();
  assert.equal(await p.locator('input[type=file][capture]').count(), 1, 'only the refused document is asked for');
  await look(p, 'trader-resubmit-documents');
  await p.locator('input[type=file][capture]').setInputFiles(sharp('bill.png'));
  await p.getByRole('button', { name: 'Send for review' }).tap();
  await p.getByRole('heading', { name: 'We are checking your documents' }).waitFor();
  await p.goto('/verification/documents');
  await p.getByText('Replaced').waitFor();
  await look(p, 'trader-resubmitted');
  await context.close();
  await approve(email);
});

test('a stranger to us cannot pay in yet, and is told what comes first', async () => {
  const context = await visitor({ viewport: { width: 360, height: 740 }, mobile: true, lang: 'de' });
  await registered(context, 'early');
  const p = await page(context, '/deposit');
  await p.getByText('Zuerst Ihre Verifizierung').waitFor();
  await look(p, 'trader-deposit-locked');
  await p.goto('/withdraw');
  await p.getByText('Zuerst Ihre Verifizierung').waitFor();
  await p.goto('/accounts/new?kind=live');
  await p.getByText('Ein Live-Konto setzt Ihre abgeschlossene Verifizierung voraus.').first().waitFor();
  await look(p, 'trader-account-locked');
  await p.goto('/accounts/new');
  await p.getByRole('button', { name: /Demo in EUR eröffnen/ }).tap();
  await p.waitForURL(/\/accounts\/tacc_/);
  await p.getByText('Zugang zur Plattform').waitFor();
  await look(p, 'trader-demo-account');
  await context.close();
});

test('a payment that was left half way can be gone on with, or given up and begun again', async () => {
  const context = await visitor({ viewport: { width: 390, height: 844 }, mobile: true });
  const email = await applied(context, 'halfway');
  await approve(email);
  const p = await page(context, '/deposit?minor=25000', { forgive: [] });
  await p.getByRole('button', { name: 'Review' }).tap();
  await p.getByRole('button', { name: /^Pay EUR/ }).tap();
  await p.waitForURL(/\/sandbox\//);
  await p.goBack();
  await p.waitForURL(/\/deposits\/dep_/);
  await p.getByRole('link', { name: 'Go on to pay' }).waitFor();
  await look(p, 'trader-deposit-waiting');
  await p.getByRole('button', { name: 'Give up' }).tap();
  await p.getByText('You gave up this deposit.').waitFor();
  await look(p, 'trader-deposit-cancelled');
  await p.getByRole('link', { name: /Start again|Try another/ }).tap();
  assert.equal(await p.getByRole('textbox', { name: 'Amount' }).inputValue(), '250.00');

  // A card that is declined, and then nobody pays: why, and how to go on.
  await p.getByRole('button', { name: 'Review' }).tap();
  await p.getByRole('button', { name: /^Pay EUR/ }).tap();
  await p.waitForURL(/\/sandbox\/stripe\/checkout\//);
  const session = p.url().match(/cs_test_\w+/)[0];
  await context.request.post('/sandbox/control/stripe/stripe-eu/pay', { data: { session, card: '4000000000000002', name: 'Alex Weber' } });
  await context.request.post(`/sandbox/control/stripe/stripe-eu/session/${session}/expire`);
  await p.goBack();
  await p.getByText(/The payment (did not go through|was not made in time)/).first().waitFor({ timeout: 20_000 });
  await p.getByText('The card was declined.').first().waitFor();
  await look(p, 'trader-deposit-failed');
  await p.getByRole('link', { name: /Start again|Try another/ }).waitFor();
  await context.close();
});

test('a question to support is tied to its record, answered in the room, and solved', async () => {
  const context = await visitor();
  await enter(context, staff('client'));
  const p = await page(context, '/history');
  await p.getByRole('main').getByRole('link', { name: /Withdrawal/ }).first().click();
  await p.getByRole('link', { name: 'Ask us' }).click();
  await p.getByLabel('Subject').fill('Where is my money?');
  await p.getByLabel('Your question').fill('It says paid, my bank shows nothing.');
  await p.getByRole('button', { name: 'Send' }).click();
  await p.waitForURL(/\/support\/tkt_/);
  const id = p.url().split('/').pop();
  await p.getByText('It says paid, my bank shows nothing.').waitFor();
  await look(p, 'trader-ticket');
  const desk = await visitor();
  await enter(desk, staff('sofia.marques'));
  await api(desk)('post', `/tickets/${id}/reply`, JSON.parse('{"body": "Cards take two days.", "then": "ask_client"}'));
  await desk.close();
  await p.getByText('Cards take two days.').waitFor({ timeout: 15_000 });
  await p.getByRole('button', { name: 'This is solved' }).click();
  await p.getByText('Solved', { exact: true }).waitFor();
  await look(p, 'trader-ticket-solved');
  await context.close();
});

test('the partner menu is for partners; others may ask to become one', async () => {
  const partner = await visitor();
  await enter(partner, staff('partner'));
  let p = await page(partner, '/');
  await p.getByRole('navigation').getByRole('link', { name: 'Partner', exact: true }).click();
  await p.getByRole('link', { name: 'To the partner portal' }).waitFor();
  await look(p, 'trader-partner-active');
  await partner.close();
  const context = await visitor();
  await registered(context, 'ib');
  p = await page(context, '/partnership');
  await p.getByLabel('Name of your business').waitFor();
  assert.equal(await p.getByRole('navigation').getByRole('link', { name: 'Partner', exact: true }).count(), 0);
  await p.getByLabel('Name of your business').fill('Nordlicht');
  await p.getByRole('button', { name: 'Apply' }).click();
  await p.getByText('We have your application').waitFor();
  await look(p, 'trader-partner-applied');
  await context.close();
});

test('when the house does not answer, the room says so and offers to ask again', async () => {
  const context = await visitor({ viewport: { width: 390, height: 844 }, mobile: true });
  await enter(context, staff('client'));
  const p = await page(context, '/', { forgive: [/503/] });
  await p.getByRole('heading', { level: 1 }).waitFor();
  await p.route('**/api/v1/me/wallet', (r) => r.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ type: '/problems/not_ready', title: 'Try again', status: 503, code: 'not_ready', detail: '', fields: [] }) }));
  await p.reload();
  await p.getByRole('alert').getByRole('button', { name: 'Try again' }).waitFor({ timeout: 20_000 });
  await look(p, 'trader-wallet-error');
  await p.unroute('**/api/v1/me/wallet');
  await p.getByRole('alert').getByRole('button', { name: 'Try again' }).tap();
  await p.getByText('Available').waitFor();
  await context.close();
});

test('while the trading server keeps silent, the client sees since when it waits', async () => {
  const context = await visitor({ viewport: { width: 390, height: 844 }, mobile: true });
  await registered(context, 'slow');
  const order = await context.request.post('/sandbox/control/faults', { data: { provider: 'mt5', server: 'demo', target: 'user/add', kind: 'slow_before', delay_ms: 8_000 } });
  assert.ok(order.ok(), await order.text());
  const p = await page(context, '/accounts/new?kind=demo');
  await p.getByRole('button', { name: 'Open Demo in EUR' }).tap();
  await p.waitForURL(/\/accounts\/tacc_/);
  await p.getByText('Being opened on the trading server').waitFor();
  await p.getByText(/Sent, waiting 00:0[2-9]/).waitFor({ timeout: 15_000 });
  await look(p, 'trader-account-waiting');
  await p.goto('/');
  await p.getByText(/Sent, waiting 00:/).waitFor();
  await p.getByRole('link', { name: /Demo/ }).tap();
  await p.getByText('Passwords of this account').waitFor({ timeout: 30_000 });
  await context.close();
});

test('a newcomer of the other brand reads Arabic, right to left, from the first step on', async () => {
  const context = await visitor({ viewport: { width: 360, height: 740 }, mobile: true, lang: 'ar', scheme: 'dark' });
  const p = await page(context, '/sign-in');
  await p.getByRole('heading', { level: 1 }).waitFor();
  await registeredIn(p, { country: 'AE', language: 'ar' }, 'layla');
  for (const address of ['/', '/verification', '/verification/profile', '/verification/profile?step=employment', '/verification/questionnaire', '/verification/documents', '/deposit', '/accounts/new', '/history', '/support', '/notices', '/settings', '/partnership']) {
    await p.goto(address);
    await p.getByRole('heading', { level: 1 }).waitFor();
    await look(p, `trader-newcomer-ar-${address.replace(/\W+/g, '-')}`);
  }
  await context.close();
});

test('until the address is proven, each screen says so in place of an error', async () => {
  const context = await visitor({ viewport: { width: 360, height: 740 }, mobile: true });
  const email = newAddress('early');
  await api(context)('post', '/register', { email, password: CLIENT_PASSWORD, first_name: 'Uwe', last_name: 'Neu', country: 'DE', language: 'en' });
  await enter(context, email, { kind: 'client', password: CLIENT_PASSWORD });
  const p = await page(context, '/');
  await p.getByText('Your e-mail address is not confirmed yet.').waitFor();
  for (const address of ['/', '/verification', '/verification/documents', '/deposit', '/withdraw', '/transfer', '/partnership']) {
    await p.goto(address);
    await p.getByText('Confirm your e-mail address', { exact: true }).waitFor();
    await look(p, `trader-unproven${address.replaceAll('/', '-')}`);
  }
  await context.close();
});
