// Verification and money in the back office.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, url, views, visitor } from '../lib/browser.mjs';
import { askForMoney, get, post } from '../lib/asked.mjs';
import { enter, staff } from '../lib/people.mjs';

test('a second yes needs a second person, and both are named', async () => {
  const admin = await visitor();
  await enter(admin, 'admin@quarterdeck.example');
  const change = async (limits) => {
    const { code, version, config, ...rest } = await get(admin, '/api/v1/entities/eu');
    const next = { ...config, withdrawals: { ...config.withdrawals, ...limits } };
    await post(admin, `/api/v1/entities/${code}`, { ...rest, version, config: next, reason: 'Who decides about withdrawals' }, 'put');
    return config.withdrawals;
  };
  const before = await change({ auto_max_minor: 0, two_people_over_minor: 3_000 });
  try {
    const id = await askForMoney(4_100);
    const first = await visitor();
    await enter(first, staff('farid.aziz'));
    const p = await page(first, `/office/withdrawals/${id}`);
    await p.getByRole('button', { name: 'Approve' }).click();
    let dialog = p.getByRole('dialog', { name: 'Approve the withdrawal' });
    await dialog.getByLabel(/Type the amount/).fill('41.00');
    await dialog.getByRole('button', { name: 'Give approval 1 of 2' }).click();
    await dialog.waitFor({ state: 'detached' });
    await p.getByText('1 of 2').first().waitFor();
    await p.getByRole('button', { name: 'Approve' }).click();
    dialog = p.getByRole('dialog', { name: 'Approve the withdrawal' });
    await dialog.getByText('You gave an approval already.').first().waitFor();
    assert.equal(await dialog.getByRole('button', { name: /Give approval/ }).getAttribute('aria-disabled'), 'true');
    await look(p, 'money-own-second-yes');
    await first.close();

    const second = await visitor();
    await enter(second, staff('greta.holm'));
    const q = await page(second, `/office/withdrawals/${id}`);
    await q.getByRole('button', { name: 'Approve' }).click();
    dialog = q.getByRole('dialog', { name: 'Approve the withdrawal' });
    await dialog.getByText('Farid Aziz').first().waitFor();
    await dialog.getByText('What they saw').waitFor();
    await dialog.getByLabel(/Type the amount/).fill('41.00');
    await dialog.getByRole('button', { name: 'Give approval 2 of 2' }).click();
    await dialog.waitFor({ state: 'detached' });
    await q.getByRole('button', { name: 'Approve' }).waitFor({ state: 'detached' });
    await second.close();
  } finally {
    await change(before);
    await admin.close();
  }
});

test('a case goes from finance to compliance with its words, and both owners are in its history', async () => {
  const id = await askForMoney(2_700);
  const finance = await visitor();
  await enter(finance, staff('farid.aziz'));
  const p = await page(finance, `/office/withdrawals/${id}`);
  await p.getByRole('button', { name: 'Claim' }).click();
  await p.getByRole('button', { name: 'Put back' }).waitFor();
  await p.getByRole('button', { name: 'More actions' }).click();
  await p.getByRole('menuitem', { name: 'Hand over to compliance' }).click();
  await p.getByRole('dialog').getByLabel('Why?').fill('Please look at the source of funds.');
  await p.getByRole('dialog').getByRole('button', { name: 'Hand over' }).click();
  await p.getByText('Please look at the source of funds.').first().waitFor();
  const compliance = await visitor();
  await enter(compliance, staff('clara.stein'));
  const q = await page(compliance, `/office/withdrawals/${id}`);
  await q.getByText('Please look at the source of funds.').first().waitFor();
  await q.getByText('Time with compliance').waitFor();
  await q.getByText('Farid Aziz').first().waitFor();
  // What one does, the other sees without loading the page again.
  await q.getByRole('button', { name: 'Claim' }).click();
  // Right after one's own write the page loads quietly; later a mark waits until one asks.
  const fresh = p.getByText('Clara Stein works on this.').first();
  const mark = p.getByRole('button', { name: 'Show the new state' });
  await fresh.or(mark).first().waitFor({ timeout: 10_000 });
  if (await mark.isVisible()) await mark.click();
  await p.getByText('Clara Stein works on this.').first().waitFor();
  await q.getByRole('button', { name: 'Reject' }).click();
  const dialog = q.getByRole('dialog', { name: 'Reject the withdrawal' });
  await dialog.getByRole('combobox', { name: 'Reason' }).click();
  await q.getByRole('option', { name: 'Documents are needed first' }).click();
  await dialog.getByLabel(/Why|Note/).fill('No proof of the source.');
  await dialog.getByRole('button', { name: 'Reject' }).click();
  await dialog.waitFor({ state: 'detached' });
  await q.getByText('Rejected', { exact: true }).first().waitFor();
  await finance.close();
  await compliance.close();
});

const screens = [
  ['clara.stein', '/office/kyc', 'kyc-queue'],
  ['clara.stein', '/office/exceptions', 'exceptions'],
  ['clara.stein', '/office/exceptions?tab=weeks', 'exceptions-weeks'],
  ['farid.aziz', '/office/withdrawals?tab=all', 'withdrawals'],
  ['farid.aziz', '/office/deposits', 'deposits'],
  ['farid.aziz', '/office/deposits?state=held', 'deposits-empty'],
  ['farid.aziz', '/office/approvals', 'approvals'],
  ['farid.aziz', '/office/ledger?tab=totals', 'ledger-totals'],
];

for (const view of views.filter((v) => v.lang !== 'ar' || v.mobile)) {
  test(`the screens of money and verification stand on ${view.name}`, async () => {
    for (const [who, address, name] of screens) {
      // Staff work in the house's own portal, whatever they read.
      const context = await visitor({ ...view, base: url });
      await enter(context, staff(who));
      const p = await page(context, address);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await look(p, `money-${name}-${view.name}`);
      await context.close();
    }
  });
}
