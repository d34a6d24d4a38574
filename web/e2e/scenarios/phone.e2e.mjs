// From nothing to money on a trading account, on a telephone 360 px wide, with one thumb: the taps
// are counted and the time is taken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { approve } from '../lib/clients.mjs';
import { enter, mailLink, newAddress } from '../lib/people.mjs';
import { blurred, sharp } from '../lib/pictures.mjs';

const phone = { viewport: { width: 360, height: 740 }, mobile: true, locale: 'de-DE' };
const refused = [/status of 401/, /status of 404/, /status of 409/, /status of 422/];

/** A German card of the sandbox that nobody has used. */
function newCard() {
  const body = `400000276${Array.from({ length: 6 }, () => Math.floor(Math.random() * 10)).join('')}`;
  const sum = [...body].reverse().reduce((n, d, at) => n + (at % 2 ? Number(d) : Number(d) > 4 ? Number(d) * 2 - 9 : Number(d) * 2), 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}

/** Counts what a thumb does; typing into a field is one tap to get there, unless the keyboard is there already. */
function thumb() {
  let taps = 0;
  return {
    get taps() {
      return taps;
    },
    tap: async (target) => {
      taps += 1;
      await target.tap();
    },
    fill: async (target, text) => {
      await target.waitFor();
      if (!(await target.evaluate((field) => field === document.activeElement))) taps += 1;
      await target.fill(text);
    },
    pick: async (target, value) => {
      taps += 2;
      await target.selectOption(value);
    },
    photo: async (target, file) => {
      // The camera button, the shutter, "use picture".
      taps += 3;
      await target.setInputFiles(file);
    },
  };
}

test('registration to deposit on a phone takes fewer than forty taps and less than three minutes; then 40 over, 20 back', async () => {
  const context = await visitor(phone);
  const hand = thumb();
  const email = newAddress('thumb');
  const p = await page(context, '/register', { forgive: refused });
  const button = (name) => p.getByRole('button', { name, exact: true });
  const started = Date.now();

  // Guessed from the browser's language.
  const lives = p.getByLabel('Where do you live?');
  if ((await lives.inputValue()) !== 'DE') await hand.pick(lives, 'DE');
  await hand.fill(p.getByLabel('E-mail address'), email);
  await hand.fill(p.getByLabel('Choose a password'), 'Alster-Segel-42');
  await hand.tap(button('Continue'));
  await hand.fill(p.getByLabel('First name'), 'Alex');
  await hand.fill(p.getByLabel('Last name'), 'Weber');
  const terms = p.getByRole('checkbox', { name: /I have read/ });
  if (await terms.count()) await hand.tap(terms);
  await hand.tap(button('Open account'));
  await p.getByRole('heading', { name: /confirm your address/ }).waitFor();
  const registered = hand.taps;

  await p.goto(await mailLink(email, 'token='));
  await p.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
  await p.goto('/');
  await p.getByRole('heading', { name: 'Finish your verification' }).waitFor();
  await look(p, 'phone-home-new');
  await hand.tap(p.getByRole('link', { name: 'Continue' }));

  // Who you are: the name is there from the registration.
  await p.getByRole('heading', { name: 'Who you are' }).waitFor();
  assert.equal(await p.getByLabel('First name').inputValue(), 'Alex');
  await hand.fill(p.getByLabel('Date of birth'), '1990-05-17');
  assert.equal(await p.getByRole('combobox', { name: 'Nationality' }).inputValue(), 'Germany', 'what is likely is filled in');
  await look(p, 'phone-profile');
  await hand.tap(button('Save and continue'));

  await p.getByRole('heading', { name: 'Where you live' }).waitFor();
  await hand.fill(p.getByLabel('Street and number'), 'Hafenstraße 12');
  await hand.fill(p.getByLabel('Postal code'), '20457');
  await hand.fill(p.getByLabel('City'), 'Hamburg');
  await hand.tap(button('Save and continue'));

  await p.getByRole('heading', { name: 'Work and money' }).waitFor();
  // Another device, in the middle of it: the server knows where to go on.
  const other = await visitor();
  await enter(other, email, { password: 'Alster-Segel-42', kind: 'client' });
  const desk = await page(other, '/verification/profile', { forgive: refused });
  await desk.getByRole('heading', { name: 'Work and money' }).waitFor();
  await other.close();
  for (const choice of ['Employed', '50,000 to 100,000', '20,000 to 100,000', 'Salary', 'No']) await hand.tap(p.getByRole('radio', { name: choice, exact: true }).first());
  await look(p, 'phone-profile-work');
  await hand.tap(button('Save and continue'));

  await p.getByRole('heading', { name: 'Tax', exact: true }).waitFor();
  await hand.tap(p.getByRole('radio', { name: 'No', exact: true }));
  await hand.tap(button('Save and continue'));

  await p.getByRole('heading', { name: 'Appropriateness test' }).waitFor();
  for (const answer of ['More than three years', '11 to 50', 'Yes, a degree in finance or economics', 'It makes gains and losses larger', 'Positions are closed', 'All the money on the account']) {
    await hand.tap(p.getByRole('radio', { name: answer, exact: true }));
  }
  await look(p, 'phone-test');
  await hand.tap(button('Send answers'));
  await p.getByRole('heading', { name: 'Documents' }).waitFor();
  assert.equal(await p.getByRole('radio', { name: 'Passport' }).isChecked(), true);
  const camera = p.locator('input[type=file][capture]');
  await camera.first().setInputFiles(blurred());
  await p.getByText('blurred', { exact: false }).first().waitFor();
  assert.equal(await p.getByRole('button', { name: 'Send it all the same' }).count(), 0, 'a blurred picture is refused');
  await look(p, 'phone-blurred');
  await hand.photo(camera.first(), sharp());
  await p.getByRole('radio', { name: 'Passport' }).waitFor({ state: 'detached' });
  await hand.photo(camera, sharp('bill.png'));
  await button('Send for review').waitFor();
  await look(p, 'phone-documents');
  await hand.tap(button('Send for review'));
  await p.getByRole('heading', { name: 'We are checking your documents' }).waitFor();
  await look(p, 'phone-reviewing');

  await approve(email);
  await p.reload();
  // The house opens the first account with the approval.
  await p.getByRole('heading', { name: 'Fund your account' }).waitFor({ timeout: 20_000 });
  await look(p, 'phone-fund');
  await hand.tap(p.getByRole('link', { name: 'Make a deposit' }));
  await hand.tap(button('EUR 500'));
  await look(p, 'phone-deposit');
  await hand.tap(button('Review'));
  await look(p, 'phone-deposit-review');
  // Twice, as an impatient thumb does: one payment.
  await p.getByRole('button', { name: /^Pay EUR/ }).dblclick();
  hand.tap({ tap: async () => {} });
  await p.waitForURL(/\/sandbox\//, { timeout: 20_000 });
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`taps: ${registered} to register, ${hand.taps} in all; ${seconds} s without thinking`);
  assert.ok(hand.taps < 40, `${hand.taps} taps`);
  assert.ok(seconds < 180, `${seconds} s`);

  // A card nobody else has used: one that two clients share is looked at by a person.
  await p.getByLabel('Card number').fill(newCard());
  await p.getByLabel('Name on card').fill('Alex Weber');
  await p.getByRole('button', { name: /^Pay 500/ }).tap();
  await p.waitForURL(/\/deposits\/dep_/);
  await p.getByText('The money is there').waitFor({ timeout: 30_000 });
  await look(p, 'phone-deposit-done');
  await p.getByRole('link', { name: 'To the account' }).tap();
  await p.getByText('EUR\u00a0500.00').first().waitFor({ timeout: 30_000 });
  await look(p, 'phone-account');
  const all = await (await context.request.get('/api/v1/me/deposits')).json();
  assert.equal(all.items.length, 1, 'a double tap makes one payment');

  // What the client does next: a second account, some money over to it, some back home.
  await p.goto('/accounts/new');
  await p.getByRole('radio', { name: /EUR/ }).check({ force: true });
  await button('Open Standard in EUR').tap();
  await p.waitForURL(/\/accounts\/tacc_/);
  await p.getByText('Passwords of this account').waitFor({ timeout: 30_000 });
  await look(p, 'phone-second-account');
  await button('Show passwords').tap();
  await p.getByText('Copy them now').waitFor();
  await look(p, 'phone-passwords');
  await p.getByRole('dialog').getByRole('button', { name: 'Close' }).tap();

  await p.goto('/transfer');
  await p.getByLabel('Amount').fill('40');
  await p.getByRole('combobox', { name: 'To', exact: true }).tap();
  await p.getByRole('option', { name: /Standard/ }).tap();
  await look(p, 'phone-transfer');
  await button('Transfer EUR\u00a040.00').tap();
  await p.waitForURL(/\/transfers\/trf_/);
  await p.getByText('Done', { exact: true }).first().waitFor({ timeout: 30_000 });
  await look(p, 'phone-transfer-done');

  await p.goto('/withdraw');
  await p.getByLabel('Amount').fill('20');
  await p.getByText('Back to').waitFor();
  await button('Review').tap();
  await look(p, 'phone-withdraw-review');
  await button('Withdraw EUR\u00a020.00').tap();
  await p.waitForURL(/\/withdrawals\/wdr_/, { timeout: 20_000 });
  await p.getByText('Where the money is').waitFor();
  await look(p, 'phone-withdrawal');

  await p.goto('/history');
  for (const kind of ['Deposit', 'Withdrawal', 'Transfer']) await p.getByRole('main').getByRole('link', { name: new RegExp(kind) }).waitFor();
  await look(p, 'phone-history');
  await context.close();
});
