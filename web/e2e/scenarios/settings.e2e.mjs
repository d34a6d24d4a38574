// The house changes what counts: a setting as a form, a brand and a licence added on screen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, post } from '../lib/asked.mjs';
import { look, page, visitor } from '../lib/browser.mjs';
import { enter, PASSWORD, staff } from '../lib/people.mjs';

const admin = staff('admin');

async function prove(p) {
  const password = p.getByRole('dialog').getByLabel('Password', { exact: true });
  if (await password.waitFor({ timeout: 3000 }).then(() => true, () => false)) {
    await password.fill(PASSWORD);
    await password.press('Enter');
  }
}

const settingOf = async (context, key) => (await get(context, '/api/v1/settings')).items.find((s) => s.key === key && s.scope === 'global');

/** As it was: other scenarios count with it. */
async function restore(context, key, value) {
  const { version } = await settingOf(context, key);
  await post(context, `/api/v1/settings/global/${key}`, { value, version, reason: 'as it was' }, 'put');
}

test('a setting is changed by its fields, a wrong value is marked at its field, and the history says who', async () => {
  const context = await visitor();
  await enter(context, admin);
  const p = await page(context, '/office/settings?tab=values&peek=global%2Fclients.dormant_days', { forgive: [/status of (422|403)/] });
  const days = p.getByLabel('Dormant after');
  await days.fill('0');
  await p.getByRole('button', { name: 'Review the changes' }).click();
  const dialog = p.getByRole('dialog', { name: 'Review the changes' });
  await dialog.getByRole('textbox').fill('Shorter, so that sales calls sooner.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await prove(p);
  await p.getByText('Outside of what is possible.').waitFor();
  await days.fill('120');
  await p.getByRole('button', { name: 'Review the changes' }).click();
  await dialog.getByRole('textbox').fill('Longer than a quarter.');
  await look(p, 'settings-review');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await p.getByText('Longer than a quarter.').waitFor();
  await look(p, 'settings-form');
  await restore(context, 'clients.dormant_days', 90);
  await context.close();
});

test('a brand and a licence are added on screen', async () => {
  const context = await visitor();
  await enter(context, admin);
  const p = await page(context, '/office/settings?tab=brands', { forgive: [/status of 403/] });
  await p.getByRole('button', { name: 'Add a brand' }).click();
  const code = `b${Date.now().toString(36)}`;
  await p.getByLabel('Code').fill(code);
  await p.getByRole('combobox', { name: 'Entity' }).or(p.getByRole('textbox', { name: 'Entity' })).first().click();
  await p.getByRole('option').first().click();
  await p.getByLabel('Name', { exact: true }).fill('Lighthouse');
  await p.getByLabel('Host name').fill(`${code}.example`);
  await p.getByLabel('Mails come from').fill(`Lighthouse <hello@${code}.example>`);
  await p.getByLabel('Why this change').fill('A second name for the same licence.');
  await p.getByRole('button', { name: 'Save' }).click();
  await prove(p);
  await p.getByRole('cell', { name: `${code}.example`, exact: true }).waitFor();
  await p.goto('/office/settings/entities/new?from=eu');
  await p.getByLabel('Code').fill(`e${Date.now().toString(36)}`);
  await p.getByLabel('Company').fill('Northwind Markets South');
  await p.getByLabel('Regulator').fill('FSCA');
  await look(p, 'settings-new-entity');
  await p.getByRole('button', { name: 'Review the changes' }).or(p.getByRole('button', { name: 'Review' })).first().click();
  const dialog = p.getByRole('dialog');
  await dialog.getByRole('textbox').fill('A third licence.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await prove(p);
  await p.getByRole('heading', { level: 1, name: 'Northwind Markets South' }).waitFor();
  await context.close();
});

test('terms of payment for partners are said field by field, and what is left empty counts as before', async () => {
  const context = await visitor();
  await enter(context, admin);
  const p = await page(context, '/office/settings?tab=values&peek=global%2Fpartner_terms', { forgive: [/status of (422|403)/] });
  const review = p.getByRole('button', { name: 'Review the changes' });
  await p.getByPlaceholder('Without an entry: Europe/Athens').waitFor();
  await p.getByLabel('Reserve', { exact: true }).fill('120');
  await review.click();
  const dialog = p.getByRole('dialog', { name: 'Review the changes' });
  await dialog.getByRole('textbox').fill('Agreed with the partner desk.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await prove(p);
  await p.locator('[aria-invalid=true]').waitFor();
  await look(p, 'settings-terms-wrong');
  await p.getByLabel('Reserve', { exact: true }).fill('7,5');
  await p.getByLabel('Reserve kept for').fill('90');
  await review.click();
  await dialog.getByRole('textbox').fill('Agreed with the partner desk.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await p.getByText('Agreed with the partner desk.').first().waitFor();
  assert.deepEqual((await settingOf(context, 'partner_terms')).value, { reserve: '0.075', reserve_days: 90 });
  await restore(context, 'partner_terms', {});
  await context.close();
});

test('what may not be paid, what symbols are and what servers tell are tables with words', async () => {
  const context = await visitor();
  await enter(context, admin);
  const p = await page(context, '/office/settings?tab=values&peek=global%2Fcommission.guard', { forgive: [/status of (422|403)/] });
  const save = async (why) => {
    await p.getByRole('button', { name: 'Review the changes' }).click();
    const dialog = p.getByRole('dialog', { name: 'Review the changes' });
    await dialog.getByRole('textbox').fill(why);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await prove(p);
    await dialog.waitFor({ state: 'hidden' });
    await p.getByText(why).first().waitFor();
  };
  await p.getByRole('group', { name: 'Entry 1' }).getByLabel('Law or rule').waitFor();
  await p.getByRole('button', { name: 'Add a line' }).click();
  const second = p.getByRole('group', { name: 'Entry 2' });
  await second.getByRole('combobox', { name: 'Client’s country' }).or(second.getByRole('textbox', { name: 'Client’s country' })).first().click();
  await p.getByRole('option', { name: 'Belgium' }).click();
  await second.getByLabel('Law or rule').fill('FSMA regulation of 2016');
  await look(p, 'settings-guard');
  await save('Nobody is paid for Belgian clients.');
  await p.goto('/office/settings?tab=values&peek=global%2Fsymbols.terms');
  await p.getByRole('button', { name: 'Add a line' }).first().click();
  const line = p.getByRole('group', { name: 'New line' });
  await line.getByLabel('Size of a pip').fill('0,0001');
  await line.getByLabel('Symbol').fill('EURUSD');
  await save('The server does not say it.');
  assert.deepEqual((await settingOf(context, 'symbols.terms')).value, { EURUSD: { pip_size: '0.0001' } });
  const { forbidden, ...others } = (await settingOf(context, 'commission.guard')).value;
  assert.equal(forbidden[1].country, 'BE');
  await restore(context, 'symbols.terms', {});
  await restore(context, 'commission.guard', { ...others, forbidden: forbidden.slice(0, 1) });
  await p.goto('/office/settings?tab=values&peek=global%2Fcommission.feeds');
  await p.getByLabel('Server').first().waitFor();
  await look(p, 'settings-feeds');
  await context.close();
});
