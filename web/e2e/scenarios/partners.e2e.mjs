// The partner desk and the house: why a line is what it is, what a plan would pay, what a rule says, who pays whom.
import { test } from 'node:test';
import { look, page, url, views, visitor } from '../lib/browser.mjs';
import { enter, PASSWORD, staff } from '../lib/people.mjs';

const desk = staff('paula.ortiz');
const admin = staff('admin');
const partner = 'Alpenblick Capital';

async function partnerId(context) {
  const all = await (await context.request.get('/api/v1/partners?limit=100')).json();
  return all.items.find((p) => p.name === partner).id;
}

/** The proof dialog, where the server asks for a fresh one. */
async function prove(p) {
  const password = p.getByRole('dialog').getByLabel('Password', { exact: true });
  if (await password.waitFor({ timeout: 3000 }).then(() => true, () => false)) {
    await password.fill(PASSWORD);
    await password.press('Enter');
  }
}

test('a commission line opens to its rule, base, path and what was tested', async () => {
  const context = await visitor();
  await enter(context, desk);
  const p = await page(context, `/office/partners/${await partnerId(context)}?tab=lines`);
  // The newest lines may be of another kind than a trade's (a sum per client, a correction).
  const rows = p.locator('[data-qd-open]');
  await rows.first().waitFor();
  for (let n = 0; ; n++) {
    await rows.nth(n).click();
    await p.getByRole('heading', { name: 'Why this amount' }).waitFor();
    if (await p.getByText('Seconds open').waitFor({ timeout: 3000 }).then(() => true, () => n >= 9)) break;
    await p.keyboard.press('Escape');
    await p.getByRole('heading', { name: 'Why this amount' }).waitFor({ state: 'hidden' });
  }
  await p.getByText('Path from the client upwards').waitFor();
  await p.getByText('Seconds open').waitFor();
  await p.getByText('Rejected candidates').waitFor();
  await look(p, 'partners-why');
  await context.close();
});

test('a plan says what a trade would pay while it is typed', async () => {
  const context = await visitor();
  await enter(context, desk);
  const p = await page(context, '/office/plans/new');
  await p.getByRole('textbox', { name: 'Name', exact: true }).fill('Trial');
  await p.getByRole('textbox', { name: 'USD per lot' }).first().fill('7.50');
  const first = p.getByRole('listitem', { name: 'Level 1', exact: true });
  await first.getByText('USD 7.50').waitFor();
  await p.getByRole('textbox', { name: 'Lots', exact: true }).fill('2');
  await first.getByText('USD 15.00').waitFor();
  await look(p, 'plans-editor');
  await context.close();
});

test('a dictated deal with volume bands is entered, its faults stand at their places, and it reads back', async () => {
  const context = await visitor();
  await enter(context, desk);
  const p = await page(context, '/office/plans/new', { forgive: [/status of 422/] });
  await p.getByRole('button', { name: 'Volume bands' }).first().click();
  const name = `Bands ${Date.now().toString(36)}`;
  await p.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  await p.getByLabel('Lots before it this month').fill('96.40');
  await p.getByRole('textbox', { name: 'Lots', exact: true }).fill('7.5');
  // 3.60 lots at 6.00 and 3.90 at 7.00.
  await p.getByRole('listitem', { name: 'Level 1', exact: true }).getByText('USD 48.90').waitFor();
  // A second rate as closely bound as the first: nobody could say which one pays.
  await p.getByRole('button', { name: 'Add a rate' }).click();
  await p.getByRole('textbox', { name: 'USD per lot' }).last().fill('5');
  await p.getByText('As closely bound as the rule fx').first().waitFor();
  await look(p, 'plans-fault');
  await p.getByRole('button', { name: /Remove the rule rate-/ }).click();
  await p.getByLabel('Why this change').fill('Contract of today.');
  await p.getByRole('button', { name: 'Save as a new version' }).click();
  await p.getByRole('heading', { level: 1, name }).waitFor();
  await p.getByText('Each part at its own band').waitFor();
  await look(p, 'plans-bands');
  await context.close();
});

test('a rule shows that its cases hold and what it says to other facts', async () => {
  const context = await visitor();
  await enter(context, admin);
  const p = await page(context, '/office/rules?set=withdrawal.auto');
  await p.getByRole('button', { name: 'Restricted or open screening hit' }).or(p.getByRole('link', { name: 'Restricted or open screening hit' })).first().click();
  await p.getByText('All hold').waitFor();
  await p.getByRole('textbox', { name: 'screening.open_hits' }).fill('0');
  await p.getByRole('heading', { name: 'Try it with other facts' }).locator('xpath=..').getByText('does not match').waitFor();
  await look(p, 'rules-one');
  await context.close();
});

test('a payout is prepared by one person and released by another', async () => {
  const first = await visitor();
  await enter(first, desk);
  const id = await partnerId(first);
  const p = await page(first, `/office/partners/${id}?tab=payouts`, { forgive: [/status of 403/] });
  await p.getByRole('button', { name: 'Prepare a payout' }).click();
  const dialog = p.getByRole('dialog');
  await dialog.getByLabel('Amount').fill('1.00');
  await dialog.getByRole('button', { name: 'Prepare a payout' }).click();
  await p.getByText('Prepared: waits for a second person').waitFor();
  await p.locator('[data-qd-open]').first().click();
  await p.getByRole('button', { name: 'Release or refuse' }).waitFor();
  const second = await visitor();
  await enter(second, staff('farid.aziz'));
  const q = await page(second, `/office/partners/${id}?tab=payouts`, { forgive: [/status of 403/] });
  await q.locator('[data-qd-open]').first().click();
  await q.getByRole('button', { name: 'Release or refuse' }).click();
  const vote = q.getByRole('dialog', { name: 'Release or refuse' });
  await vote.getByLabel(/EUR.1\.00/).fill('1.00');
  await vote.getByRole('button', { name: 'Approve' }).click();
  await prove(q);
  await q.getByText('Released').first().waitFor();
  await first.close();
  await second.close();
});

test('a change of a licence is shown as a difference before it is saved', async () => {
  const context = await visitor();
  await enter(context, admin);
  const p = await page(context, '/office/settings/entities/eu?edit=1');
  await p.getByRole('textbox', { name: 'Two people approve above' }).fill('7500');
  await p.getByRole('button', { name: 'Review and save' }).click();
  await p.getByRole('dialog').getByText('750000').waitFor();
  await look(p, 'settings-diff');
  await context.close();
});

for (const view of views) {
  test(`partners and the house look right: ${view.name}`, async () => {
    const context = await visitor({ ...view, base: url });
    await enter(context, admin);
    const id = await partnerId(context);
    for (const [name, address] of [['partners', '/partners'], ['partner', `/partners/${id}`], ['plans', '/plans'], ['rules', '/rules'], ['entity', '/settings/entities/eu'], ['overrides', '/overrides']]) {
      const p = await page(context, `/office${address}`);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await p.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root'));
      await look(p, `house-${name}-${view.name}`);
      await p.close();
    }
    await context.close();
  });
}
