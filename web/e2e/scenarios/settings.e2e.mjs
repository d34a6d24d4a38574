// The house changes what counts: a setting as a form, a brand and a licence added on screen.
import { test } from 'node:test';
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
