// The door: every page of it in every view, and the ways through it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from '../lib/asked.mjs';
import { full, harbour, look, page, views, visitor } from '../lib/browser.mjs';
import { enter, mailLink, newAddress, PASSWORD, staff, totp } from '../lib/people.mjs';

const refused = [/status of 401/, /status of 409/, /status of 422/];

const pages = {
  'sign-in': '/sign-in',
  'office-sign-in': '/office/sign-in',
  'partner-sign-in': '/partner/sign-in',
  register: '/register?pc=NORD24',
  forgot: '/forgot',
  reset: '/reset?token=qdt_x',
  invite: '/invite?token=qdt_x',
  verify: '/verify?token=qdt_x',
  'bad-link': '/reset',
};

for (const view of full ? views : views.slice(1)) {
  test(`the door looks right: ${view.name}`, async () => {
    const context = await visitor(view);
    for (const [name, address] of Object.entries(pages)) {
      const p = await page(context, address);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await look(p, `auth-${name}-${view.name}`);
      await p.close();
    }
    const p = await page(context, '/register');
    await p.locator('[name=country]').selectOption('AE');
    await p.locator('[name=email]').fill('alex.weber@example.com');
    await p.locator('[name=password]').fill('Alster-Segel-42');
    await p.locator('[type=submit]').click();
    await p.locator('[name=first_name]').waitFor();
    await p.locator('[type=submit]').click();
    await p.locator('[name=first_name][aria-invalid=true]').waitFor();
    await look(p, `auth-register-two-${view.name}`);
    await context.close();
  });
}

test('a wrong password is said, the right one leads to where one wanted to go, by keyboard alone', async () => {
  const context = await visitor();
  const p = await page(context, '/office/sign-in?next=%2Foffice%2Fprofile', { forgive: refused });
  await p.getByLabel('E-mail address').waitFor();
  await p.getByLabel('E-mail address').focus();
  await p.keyboard.type(staff('farid.aziz'));
  await p.keyboard.press('Tab');
  await p.keyboard.type('not the password');
  await p.keyboard.press('Enter');
  await p.getByRole('alert').waitFor();
  await look(p, 'auth-wrong-password');
  assert.equal(await p.evaluate(() => document.activeElement?.getAttribute('name')), 'password');
  await p.keyboard.press('Control+a');
  await p.keyboard.type(PASSWORD);
  await p.keyboard.press('Enter');
  await p.waitForURL('**/office/profile');
  await context.close();
});

test('somebody registers on a phone, and the link of the mail proves the address', async () => {
  const context = await visitor({ viewport: { width: 360, height: 740 }, mobile: true });
  const email = newAddress();
  const p = await page(context, '/register', { forgive: refused });
  await p.getByLabel('Where do you live?').selectOption('DE');
  await p.getByLabel('E-mail address').fill(email);
  await p.getByLabel('Choose a password').fill('Alster-Segel-42');
  await p.getByRole('button', { name: 'Continue' }).tap();
  await p.getByLabel('First name').fill('Alex');
  await p.getByLabel('Last name').fill('Weber');
  const terms = p.getByRole('checkbox', { name: /I have read/ });
  if (await terms.count()) await terms.tap();
  await p.getByRole('button', { name: 'Open account' }).tap();
  await p.getByRole('heading', { name: /confirm your address/ }).waitFor();
  await look(p, 'auth-registered');

  await p.goto(await mailLink(email, 'token='));
  await p.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
  await look(p, 'auth-verified');
  const me = await context.request.get('/api/v1/auth/me');
  assert.equal((await me.json()).email_verified, true);
  await context.close();
});

test('who came through a partner’s link is that partner’s client without any cookie, after a reload as well', async () => {
  const partner = await visitor();
  await enter(partner, staff('partner'));
  const own = (await get(partner, '/api/v1/me/partner/links')).items.find((l) => l.active);
  await partner.close();

  const context = await visitor();
  const email = newAddress('referred');
  const p = await page(context, `/c/${own.code}`, { forgive: refused });
  await p.getByRole('link', { name: 'Open an account' }).click();
  await p.getByText(`Recommended by ${own.code}`).waitFor();
  await p.goto('/register');
  await p.reload();
  await p.getByLabel('Where do you live?').selectOption('DE');
  await p.getByLabel('E-mail address').fill(email);
  await p.getByLabel('Choose a password').fill('Alster-Segel-42');
  await p.getByRole('button', { name: 'Continue' }).click();
  await p.getByLabel('First name').fill('Alex');
  await p.getByLabel('Last name').fill('Weber');
  const terms = p.getByRole('checkbox', { name: /I have read/ });
  if (await terms.count()) await terms.check();
  const [sent] = await Promise.all([p.waitForResponse((r) => r.url().endsWith('/api/v1/register')), p.getByRole('button', { name: 'Open account' }).click()]);
  const { client_id } = await sent.json();
  // Signed in by then: the link of the mail asks for that.
  await p.getByRole('heading', { name: /confirm your address/ }).waitFor();
  await p.goto(await mailLink(email, 'token='));
  await p.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
  await context.close();

  const house = await visitor();
  await enter(house, staff('paula.ortiz'));
  const { history } = await get(house, `/api/v1/clients/${client_id}/partner`);
  assert.equal(history.length, 1);
  assert.equal(history[0].code, own.code);
  assert.match(history[0].click, /^clk_/);
  const evidence = await get(house, `/api/v1/clients/${client_id}/attribution`);
  assert.ok(JSON.stringify(evidence).includes(history[0].click), 'the evidence names the click');
  await house.close();
});

test('the mail of the other brand leads to that brand, and a click in a strange browser asks who one is', async () => {
  const context = await visitor({ base: harbour });
  const email = newAddress('layla');
  const p = await page(context, '/register', { forgive: refused });
  await p.getByLabel('Where do you live?').selectOption('AE');
  await p.getByLabel('E-mail address').fill(email);
  await p.getByLabel('Choose a password').fill('Marsa-Qamar-17');
  await p.getByRole('button', { name: 'Continue' }).click();
  await p.getByLabel('First name').fill('Layla');
  await p.getByLabel('Last name').fill('Haddad');
  await p.getByRole('checkbox', { name: /I have read/ }).check();
  await p.getByRole('button', { name: 'Open account' }).click();
  await p.getByRole('heading', { name: /confirm your address/ }).waitFor();
  await context.close();

  const link = await mailLink(email, 'token=');
  assert.equal(new URL(link).origin, harbour);
  const other = await visitor({ base: harbour });
  const q = await page(other, link, { forgive: refused });
  await q.getByText(/Sign in, and your address is confirmed/).waitFor();
  await look(q, 'auth-verify-sign-in');
  await q.getByLabel('E-mail address').fill(email);
  await q.getByLabel('Password', { exact: true }).fill('Marsa-Qamar-17');
  await q.getByRole('button', { name: 'Sign in', exact: true }).click();
  await q.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
  await other.close();
});

test('somebody new in the house sets a password with the link of the invitation', async () => {
  const admin = await visitor();
  await enter(admin, staff('admin'));
  const email = newAddress('nora');
  const invited = await admin.request.post('/api/v1/staff', {
    data: { email, name: 'Nora Lind', language: 'en', roles: ['support'], entities: ['eu'] },
    headers: { 'x-qd-request': '1', 'idempotency-key': email },
  });
  assert.ok(invited.ok(), await invited.text());
  await admin.close();

  const context = await visitor();
  const p = await page(context, await mailLink(email, '/invite'), { forgive: refused });
  await p.getByRole('heading', { name: 'Welcome to the team' }).waitFor();
  await p.getByLabel('New password').fill('short');
  await p.getByRole('button', { name: 'Save password' }).click();
  await p.locator('[name=password][aria-invalid=true]').waitFor();
  await p.getByLabel('New password').fill('Rain-over-Bergen-88');
  await p.getByRole('button', { name: 'Save password' }).click();
  await p.getByText('Your password is saved').waitFor();
  await p.getByLabel('E-mail address').fill(email);
  await p.getByLabel('Password', { exact: true }).fill('Rain-over-Bergen-88');
  await p.getByRole('button', { name: 'Sign in', exact: true }).click();
  await p.waitForURL('**/office');
  await context.close();
});

test('a forgotten password is set anew by the link of the mail', async () => {
  const context = await visitor();
  const p = await page(context, '/forgot', { forgive: refused });
  await p.getByLabel('E-mail address').fill('client@quarterdeck.example');
  await p.getByRole('button', { name: 'Send the link' }).click();
  await p.getByRole('heading', { name: 'Look into your mail' }).waitFor();
  await look(p, 'auth-forgot-sent');

  await p.goto(await mailLink('client@quarterdeck.example', '/reset'));
  await p.getByLabel('New password').fill('client@quarterdeck.example');
  await p.getByRole('button', { name: 'Save password' }).click();
  await p.locator('[name=password][aria-invalid=true]').waitFor();
  // The same word as before, so that other scenarios find it.
  await p.getByLabel('New password').fill(PASSWORD);
  await p.getByRole('button', { name: 'Save password' }).click();
  await p.getByText('Your password is saved').waitFor();
  await look(p, 'auth-reset-done');
  await p.getByLabel('E-mail address').fill('client@quarterdeck.example');
  await p.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await p.getByRole('button', { name: 'Sign in', exact: true }).click();
  await p.waitForURL((to) => !to.pathname.includes('sign-in'));
  await context.close();
});

test('an authenticator app is set up, asked for, replaced by a recovery code, and turned off', async () => {
  const context = await visitor();
  const email = staff('aron.weiss');
  const signIn = async (p) => {
    await p.goto('/office/sign-in?next=%2Foffice%2Fprofile');
    await p.getByLabel('E-mail address').fill(email);
    await p.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await p.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  const p = await page(context, undefined, { forgive: refused });
  await signIn(p);
  await p.getByRole('button', { name: 'Set up authenticator app' }).click();
  await p.getByRole('img', { name: /QR code/ }).waitFor();
  await look(p, 'auth-enrol');
  const secret = await p.getByRole('dialog').locator('bdi').innerText();
  await p.getByLabel('The code your app shows now').fill(totp(secret, -1));
  await p.getByRole('button', { name: 'Confirm code' }).click();
  await p.getByRole('list', { name: 'Recovery codes' }).waitFor();
  const codes = await p.getByRole('dialog').locator('ol li').allInnerTexts();
  assert.equal(codes.length, 10);
  await look(p, 'auth-recovery-codes');
  await p.getByRole('checkbox').check();
  await p.getByRole('button', { name: 'Done' }).click();
  await p.getByRole('button', { name: 'Turn it off' }).waitFor();
  await look(p, 'auth-security');

  await context.clearCookies({ name: 'qd_session' });
  await signIn(p);
  await p.getByLabel(/Code from your authenticator/).fill('000000');
  await p.getByRole('button', { name: 'Continue' }).click();
  await p.locator('[name=code][aria-invalid=true]').waitFor();
  await look(p, 'auth-code');
  await p.getByLabel(/Code from your authenticator/).fill(totp(secret));
  await p.getByRole('button', { name: 'Continue' }).click();
  await p.waitForURL('**/office/profile');

  await context.clearCookies({ name: 'qd_session' });
  await signIn(p);
  await p.getByLabel(/Code from your authenticator/).fill(codes[0]);
  await p.getByRole('button', { name: 'Continue' }).click();
  await p.waitForURL('**/office/profile');
  await p.getByText('9 recovery codes left').waitFor();

  await p.getByRole('button', { name: 'Turn it off' }).click();
  await p.getByRole('dialog').getByRole('button', { name: 'Turn it off' }).click();
  await p.getByRole('button', { name: 'Set up authenticator app' }).waitFor();
  await context.close();
});

test('a request that needs a fresh proof asks for it and then goes on', async () => {
  const context = await visitor();
  const p = await page(context, undefined, { forgive: [...refused, /status of 403/] });
  await p.goto('/office/sign-in?next=%2Foffice%2Fprofile');
  await p.getByLabel('E-mail address').fill(staff('tom.becker'));
  await p.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await p.getByRole('button', { name: 'Sign in', exact: true }).click();
  await p.waitForURL('**/office/profile');
  // Signing in is a proof for a quarter of an hour: the first answer is the one that comes after it.
  let asked = 0;
  await p.route('**/auth/second-factor/enrol', async (route) => {
    asked += 1;
    if (asked > 1) return route.continue();
    return route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ code: 'step_up_required', status: 403, fields: [] }) });
  });
  await p.getByRole('button', { name: 'Set up authenticator app' }).click();
  const dialog = p.getByRole('dialog', { name: 'Confirm it’s you' });
  await dialog.waitFor();
  await look(p, 'auth-step-up');
  await dialog.getByLabel('Your password').fill('wrong');
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  await dialog.locator('[aria-invalid=true]').waitFor();
  await dialog.getByLabel('Your password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  await p.getByRole('img', { name: /QR code/ }).waitFor();
  assert.equal(asked, 2);
  await context.close();
});

test('the demo lets one be anybody with one tap', async () => {
  const context = await visitor();
  const p = await page(context, '/sign-in');
  await p.getByRole('button', { name: /^Compliance/ }).click();
  await p.waitForURL('**/office**');
  await context.close();
});
