// The partner desk: what a contract says on payment, and where each client of a programme stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, post } from '../lib/asked.mjs';
import { look, page, url, visitor } from '../lib/browser.mjs';
import { registered } from '../lib/clients.mjs';
import { enter, newAddress, staff } from '../lib/people.mjs';
import { sharp } from '../lib/pictures.mjs';

const desk = staff('paula.ortiz');

/** An active partner who is paid 80 for each client, with a link of its own. */
async function perClient(office, name) {
  const context = await visitor({ base: url });
  await registered(context, 'desk');
  let me = await post(context, '/api/v1/me/partner', { name, currency: 'EUR' });
  me = await post(office, `/api/v1/partners/${me.id}/state`, { state: 'active', version: me.version, reason: 'agreed' });
  const plan = await post(office, '/api/v1/plans', {
    entity: me.entity,
    valid_from_us: 0,
    reason: 'agreed',
    document: { format: 1, name: `Per client ${Date.now().toString(36)}`, currency: 'EUR', cpa: { amounts: [{ amount: '80' }], first_deposit: { min: '200' }, kyc: 'before_payout' } },
  });
  await post(office, `/api/v1/partners/${me.id}/plan`, { plan: plan.id, at_us: Date.now() * 1000, reason: 'agreed' });
  const link = await post(office, `/api/v1/partners/${me.id}/links`, { landing: '/start' });
  await context.close();
  return { id: me.id, code: link.code };
}

test('a partner’s contract is read beside what the house says, changed by fields, and refused at the field', async () => {
  const context = await visitor();
  await enter(context, desk);
  const { id } = await perClient(context, 'Fördewind');
  const p = await page(context, `/office/partners/${id}?tab=terms`, { forgive: [/status of 422/] });
  await p.getByText('on the 1st of each month').waitFor();
  await p.getByText('The contract says nothing of its own').waitFor();
  await look(p, 'partner-terms');
  await p.getByRole('button', { name: 'Change the contract' }).click();
  const form = p.getByRole('dialog', { name: 'Change the contract' });
  await form.getByLabel('Reserve', { exact: true }).fill('10');
  await form.getByLabel('Reserve kept for').fill('90');
  await form.getByRole('combobox', { name: 'Way' }).or(form.getByRole('textbox', { name: 'Way' })).first().click();
  await p.getByRole('option', { name: 'Bank account' }).click();
  await form.getByLabel('Account holder').fill('Fördewind');
  await form.getByLabel('IBAN').fill('DE89370400440532013001');
  const review = p.getByRole('dialog', { name: 'Review the changes' });
  const save = async () => {
    await form.getByRole('button', { name: 'Review the changes' }).click();
    await review.getByRole('textbox').fill('Contract of today.');
    await review.getByRole('button', { name: 'Save' }).click();
  };
  await save();
  // Its check digits are wrong.
  await form.locator('[aria-invalid=true]').waitFor();
  await look(p, 'partner-terms-wrong');
  await form.getByLabel('IBAN').fill('DE89 3704 0044 0532 0130 00');
  await save();
  await review.waitFor({ state: 'hidden' });
  await p.getByText('contract', { exact: true }).first().waitFor();
  await look(p, 'partner-terms-own');
  const kept = await get(context, `/api/v1/partners/${id}/terms`);
  assert.deepEqual([kept.version, kept.document.reserve, kept.document.reserve_days, kept.terms.calendar], [1, '0.1', 90, 'monthly']);
  const finance = await visitor();
  await enter(finance, staff('farid.aziz'));
  const q = await page(finance, `/office/partners/${id}?tab=terms`);
  await q.getByText('DE89370400440532013000').waitFor();
  await finance.close();
  await context.close();
});

test('the desk sees where each client of a programme stands, and sets one apart and back', async () => {
  const context = await visitor();
  await enter(context, desk);
  const { id, code } = await perClient(context, 'Küstenlicht');
  const stranger = await visitor({ base: url });
  await post(stranger, '/api/v1/register', { email: newAddress('programme'), password: 'Alster-Segel-42', first_name: 'Nele', last_name: 'Brandt', country: 'DE', language: 'de', came: { partner_code: code } });
  await stranger.close();
  const p = await page(context, `/office/partners/${id}?tab=programmes`);
  const table = p.getByRole('table', { name: 'Clients, one by one' });
  for (let tries = 0; tries < 30 && !(await table.getByText('Nele Brandt').waitFor({ timeout: 2000 }).then(() => true, () => false)); tries++) await p.reload();
  await table.getByText('No deposit yet').waitFor();
  await look(p, 'partner-programmes');
  await table.locator('[data-qd-open]').first().click();
  const file = p.getByRole('dialog', { name: 'Nele Brandt' });
  await file.getByText('What was checked').waitFor();
  await look(p, 'partner-programmes-client');
  await p.keyboard.press('Escape');
  await p.getByRole('button', { name: 'Set a client apart' }).click();
  const dialog = p.getByRole('dialog', { name: 'Set a client apart' });
  await dialog.getByRole('combobox', { name: 'Client' }).or(dialog.getByRole('textbox', { name: 'Client' })).first().click();
  await p.getByRole('option', { name: 'Nele Brandt' }).click();
  await dialog.locator('textarea').fill('One large winner.');
  await dialog.getByRole('button', { name: 'Set a client apart' }).click();
  const apart = p.getByRole('table', { name: 'Clients set apart' });
  await apart.getByText('One large winner.').waitFor();
  await look(p, 'partner-programmes-apart');
  await apart.getByRole('button', { name: 'Put back' }).click();
  const back = p.getByRole('dialog', { name: 'Put back' });
  await back.locator('textarea').fill('It evened out.');
  await back.getByRole('button', { name: 'Put back' }).click();
  await apart.getByRole('button', { name: 'Put back' }).waitFor({ state: 'hidden' });
  await context.close();
});

test('material is put on the shelf, found by partners, and withdrawn with its reason', async () => {
  const context = await visitor();
  await enter(context, desk);
  const p = await page(context, '/office/material', { forgive: [/status of 422/] });
  const mark = Date.now().toString(36);
  const form = p.getByRole('dialog', { name: 'Add material' });
  await p.getByRole('button', { name: 'Add material' }).first().click();
  await form.getByText('Give it a name and say where it leads first').waitFor();
  await form.getByLabel('Name').fill(`Banner ${mark}`);
  const [chooser] = await Promise.all([p.waitForEvent('filechooser'), form.getByRole('button', { name: 'Choose a file' }).click()]);
  await chooser.setFiles({ name: 'banner.png', mimeType: 'image/png', buffer: sharp().buffer });
  await p.getByRole('button', { name: `Banner ${mark}` }).click();
  const file = p.getByRole('dialog', { name: `Banner ${mark}` });
  await file.getByRole('img', { name: `Banner ${mark}` }).waitFor();
  await look(p, 'material-banner');
  await p.keyboard.press('Escape');

  await p.getByRole('button', { name: 'Add material' }).first().click();
  await form.getByRole('combobox', { name: 'Kind' }).or(form.getByRole('textbox', { name: 'Kind' })).first().click();
  await p.getByRole('option', { name: 'Text' }).click();
  await form.getByLabel('Name').fill(`Text ${mark}`);
  await form.getByLabel('Leads to').fill('nowhere');
  await form.locator('textarea').first().fill('Trade with us: {link}');
  await form.getByRole('button', { name: 'Add material' }).click();
  await form.locator('[aria-invalid=true]').or(form.getByText(/landing|Landing|address/)).first().waitFor();
  await look(p, 'material-wrong');
  await form.getByLabel('Leads to').fill('/start');
  await form.getByRole('button', { name: 'Add material' }).click();
  await p.getByRole('button', { name: `Text ${mark}` }).click();
  const words = p.getByRole('dialog', { name: `Text ${mark}` });
  await words.getByText('Trade with us: {link}').waitFor();
  await words.getByRole('button', { name: 'Withdraw' }).click();
  const why = p.getByRole('dialog', { name: `Withdraw Text ${mark}?` });
  await why.locator('textarea').fill('The campaign is over.');
  await why.getByRole('button', { name: 'Withdraw' }).click();
  await words.getByText('The campaign is over.').waitFor();
  await look(p, 'material-withdrawn');
  await context.close();
});
