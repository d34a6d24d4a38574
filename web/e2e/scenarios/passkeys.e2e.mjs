// Passkeys with the browser's own simulated device: kept, used at the door and as a fresh proof, taken away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, url, visitor } from '../lib/browser.mjs';
import { registered } from '../lib/clients.mjs';
import { enter, staff } from '../lib/people.mjs';

/** Passkeys belong to a name; the demo has one besides its number. */
const named = url.replace('127.0.0.1', 'localhost');

/** A phone's or laptop's own authenticator: there, unlocked, and it answers by itself. */
async function device(p) {
  const cdp = await p.context().newCDPSession(p);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const set = (on) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: on });
  return { set, forget: () => cdp.send('WebAuthn.clearCredentials', { authenticatorId }), keys: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials };
}

/** A sign-in is a fresh proof for a quarter of an hour: this is the same person an hour later. */
async function anHourLater(p) {
  await p.route('**/auth/passkeys/psk_*', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ code: 'step_up_required', status: 403, fields: [] }) }), { times: 1 });
}

async function addOne(p, name) {
  await p.getByRole('button', { name: 'Add a passkey' }).click();
  const dialog = p.getByRole('dialog', { name: 'Add a passkey' });
  assert.match(await dialog.getByLabel('What do you call it?').inputValue(), /Chrome on/);
  if (name) await dialog.getByLabel('What do you call it?').fill(name);
  await dialog.getByRole('button', { name: 'Continue on your device' }).click();
  await dialog.waitFor({ state: 'hidden' });
}

test('a client keeps a passkey, signs in with it, proves with it, and takes it away', async () => {
  const context = await visitor({ base: named });
  await registered(context, 'key');
  const p = await page(context, '/profile', { forgive: [/status of 403/, /status of 401/] });
  const phone = await device(p);
  await p.getByText('You have no passkey yet.').waitFor();
  await addOne(p, 'My telephone');
  await p.getByText('My telephone').waitFor();
  await p.getByText('never used yet').waitFor();
  assert.equal((await phone.keys()).length, 1);
  await look(p, 'security-passkeys');

  // At the door nothing is typed. The device stays with the tab, the session does not.
  await context.clearCookies({ name: /^(?!qd_lang)/ });
  await p.evaluate(() => localStorage.clear());
  await phone.set(false);
  await p.goto('/sign-in');
  await p.getByRole('button', { name: 'Sign in with a passkey' }).waitFor();
  await p.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await p.getByText('No passkey was used.', { exact: false }).waitFor();
  await look(p, 'auth-passkey-not-given');
  await phone.set(true);
  await p.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await p.waitForURL(`${named}/`);
  const me = await (await context.request.get('/api/v1/auth/me')).json();
  assert.equal(me.kind, 'client');

  // Later the passkey gives the fresh proof, with the password beside it.
  await p.goto('/profile');
  await p.getByText('My telephone').waitFor();
  await p.getByText(/last used/).waitFor();
  await anHourLater(p);
  await p.getByRole('button', { name: 'Remove My telephone' }).click();
  await p.getByRole('dialog', { name: 'Remove this passkey?' }).getByRole('button', { name: 'Remove' }).click();
  const proof = p.getByRole('dialog', { name: 'Confirm it’s you' });
  await proof.getByLabel('Your password').waitFor();
  await look(p, 'step-up-passkey');
  await proof.getByRole('button', { name: 'Confirm with a passkey' }).click();
  await p.getByText('You have no passkey yet.').waitFor();
  await context.close();
});

test('the browser offers the passkey at the door of the house, and a passkey that was taken away opens nothing', async () => {
  const context = await visitor({ base: named });
  await enter(context, staff('farid.aziz'));
  const p = await page(context, '/office/profile', { forgive: [/status of 403/, /status of 401/] });
  const laptop = await device(p);
  await addOne(p, null);
  await p.getByText(/Chrome on/).first().waitFor();

  await context.clearCookies({ name: /^(?!qd_lang)/ });
  await p.evaluate(() => localStorage.clear());
  // The simulated device takes what is offered at once: nothing is pressed.
  await p.goto('/office/sign-in');
  await p.waitForURL('**/office');
  const list = await (await context.request.get('/api/v1/auth/passkeys')).json();
  assert.equal(list.items.length, 1);

  await p.goto('/office/profile');
  await anHourLater(p);
  await p.getByRole('button', { name: /^Remove / }).click();
  await p.getByRole('dialog', { name: 'Remove this passkey?' }).getByRole('button', { name: 'Remove' }).click();
  await p.getByRole('dialog', { name: 'Confirm it’s you' }).getByRole('button', { name: 'Confirm with a passkey' }).click();
  await p.getByText('You have no passkey yet.').waitFor();
  assert.equal((await laptop.keys()).length, 1, 'the device still has its half');

  await context.clearCookies({ name: /^(?!qd_lang)/ });
  await p.evaluate(() => localStorage.clear());
  await p.goto('/office/sign-in');
  await p.getByText('This passkey was not accepted.', { exact: false }).waitFor();
  await context.close();
});

test('at an address in numbers the page says that there are no passkeys, and asks for none', async () => {
  const context = await visitor();
  const p = await page(context, '/sign-in');
  await p.getByLabel('E-mail address').waitFor();
  assert.equal(await p.getByRole('button', { name: /passkey/ }).count(), 0);
  await enter(context, staff('farid.aziz'));
  await p.goto('/office/profile');
  await p.getByText('Passkeys need one of our addresses by name', { exact: false }).waitFor();
  await context.close();
});
