// Finance loads a settlement file and looks where the money is; operations compare a trading server,
// let it wait and go on, and look for the owners of its logins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, views, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';

const desk = async (who) => {
  const context = await visitor(views[0]);
  await enter(context, staff(who));
  return context;
};

test('finance loads a file that is none of the provider’s, and reads why it was refused', async () => {
  const context = await desk('farid.aziz');
  const p = await page(context, '/office/reconciliation');
  await p.getByRole('button', { name: 'Load a settlement file' }).click();
  await p.getByRole('combobox', { name: 'Payment connection' }).click();
  await p.getByRole('option', { name: 'stripe-eu' }).click();
  await p.locator('input[type=file]').setInputFiles({ name: 'notes.csv', mimeType: 'text/csv', buffer: Buffer.from(`nothing,of,theirs\n${Date.now()},2,3\n`) });
  await p.getByRole('heading', { level: 1, name: 'notes.csv' }).waitFor();
  await p.getByText('The file was refused').waitFor();
  await look(p, 'recon-refused');
  await p.goto('/office/reconciliation?tab=files');
  await p.getByText('notes.csv').first().waitFor();
  await context.close();
});

test('all money is at a named place, now and at a moment before', async () => {
  const context = await desk('farid.aziz');
  const p = await page(context, '/office/reconciliation?tab=position');
  await p.getByText('Every unit is at one place').waitFor();
  await p.getByLabel('As of (UTC)').fill('2020-01-01T00:00');
  await p.getByText('No money booked').waitFor();
  assert.match(p.url(), /at=2020-01-01T00/);
  await p.getByRole('button', { name: 'Back to now' }).click();
  await p.getByText('Owed to clients').first().waitFor();
  await look(p, 'recon-position');
  await context.close();
});

test('operations compare a server and look for the owners of its logins', async () => {
  const context = await desk('tom.becker');
  const p = await page(context, '/office/trading-servers');
  await p.getByText('intl-live').first().click();
  await p.getByRole('button', { name: 'Compare now' }).click();
  await p.getByText('The comparison is under way').first().waitFor();
  await p.getByRole('tab', { name: 'Mapping' }).click();
  await p.getByRole('button', { name: 'Look for owners' }).click();
  await p.getByText(/Logins looked at: \d/).waitFor();
  await look(p, 'server-mapping');
  await context.close();
});

test('a server waits for a reason and goes on for one', async () => {
  const context = await desk('tom.becker');
  const p = await page(context, '/office/trading-servers/demo');
  for (const [word, shows] of [['Pause', 'This server is paused'], ['Resume', null]]) {
    await p.getByRole('button', { name: word, exact: true }).click();
    const dialog = p.getByRole('dialog');
    await dialog.getByRole('textbox').fill('The broker moves the server.');
    await dialog.getByRole('button', { name: word, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    if (shows) await p.getByText(shows).waitFor();
  }
  await p.getByRole('button', { name: 'Compare now' }).waitFor();
  await look(p, 'server-resumed');
  await context.close();
});
