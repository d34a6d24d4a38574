// The partner desk's engine room: a month is closed and paid, a correction is prepared, decided and undone.
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { enter, PASSWORD, staff } from '../lib/people.mjs';

const desk = staff('paula.ortiz');
const second = staff('farid.aziz');

async function prove(p) {
  const password = p.getByRole('dialog').getByLabel('Password', { exact: true });
  if (await password.waitFor({ timeout: 3000 }).then(() => true, () => false)) {
    await password.fill(PASSWORD);
    await password.press('Enter');
  }
}

test('a month is checked, closed and signed, and says what can be paid', async () => {
  const context = await visitor();
  await enter(context, second);
  const p = await page(context, '/office/month-closes', { forgive: [/status of (403|409)/] });
  await p.getByRole('button', { name: 'Close a month' }).click();
  await p.getByRole('dialog').getByRole('button', { name: 'Make the checklist' }).click();
  await p.getByRole('heading', { name: 'Checklist' }).waitFor();
  await p.getByText('Every trade has lines or a reason').waitFor();
  await look(p, 'close-checklist');
  await p.getByRole('button', { name: 'Close the month' }).click();
  const dialog = p.getByRole('dialog', { name: 'Close the month' });
  for (const box of await dialog.getByRole('checkbox').all()) await box.check();
  const why = dialog.getByRole('textbox');
  if (await why.count()) await why.fill('Looked at; decided next week.');
  await dialog.getByRole('button', { name: 'Close the month' }).click();
  await p.getByRole('button', { name: 'Sign off' }).waitFor({ timeout: 60_000 });
  await look(p, 'close-done');
  await p.getByRole('button', { name: 'Sign off' }).click();
  await p.getByRole('dialog', { name: 'Sign off' }).getByRole('button', { name: 'Sign off' }).click();
  await p.getByText('Signed off').first().waitFor();
  await context.close();
});

test('a correction shows both answers on bands, waits for a second person, and is carried out', async () => {
  const context = await visitor();
  await enter(context, desk);
  const p = await page(context, '/office/corrections/new', { forgive: [/status of (403|422)/] });
  const all = await (await context.request.get('/api/v1/partners?limit=100')).json();
  const partner = all.items.find((x) => x.name === 'Alpenblick Capital');
  await p.goto(`/office/corrections/new?cause=manual&partner=${partner.id}`);
  await p.getByLabel('Amount').fill('12.50');
  await p.getByLabel('What the partner reads').fill('Goodwill for the late file.');
  await p.getByLabel('Value date').click();
  await p.getByRole('dialog').getByRole('button', { name: /^1 / }).first().click();
  await p.getByRole('button', { name: 'Show what it moves' }).click();
  await p.getByRole('heading', { name: 'By partner and statement' }).waitFor();
  await p.getByRole('heading', { name: 'Bands worked out anew' }).waitFor();
  await look(p, 'correction-preview');
  await p.getByLabel('Reason').fill('Agreed by phone.');
  await p.getByRole('button', { name: 'Ask for approval' }).click();
  await p.getByText('Waits for approval').first().waitFor();
  const address = new URL(p.url()).pathname;
  const other = await visitor();
  await enter(other, second);
  const q = await page(other, address, { forgive: [/status of 403/] });
  await q.getByRole('button', { name: 'Approve or refuse' }).click();
  await q.getByRole('dialog').getByRole('button', { name: /Approve/ }).click();
  await prove(q);
  await q.getByText('Carried out').first().waitFor({ timeout: 60_000 });
  await look(q, 'correction-done');
  await context.close();
  await other.close();
});

test('a partner page says what is payable, and what its postbacks were answered', async () => {
  const context = await visitor();
  await enter(context, desk);
  const all = await (await context.request.get('/api/v1/partners?limit=100')).json();
  const partner = all.items.find((x) => x.name === 'Alpenblick Capital');
  const p = await page(context, `/office/partners/${partner.id}?tab=payouts`);
  await p.getByRole('heading', { name: /^Payable in/ }).first().waitFor();
  await look(p, 'partner-payable');
  await p.getByRole('tab', { name: 'Postbacks' }).click();
  await p.getByRole('heading', { name: 'Postbacks' }).waitFor();
  await look(p, 'partner-postbacks');
  await p.goto('/office/claims');
  await p.getByRole('heading', { level: 1, name: 'Claims' }).waitFor();
  await look(p, 'claims');
  await context.close();
});
