// What every screen stands in: frame, lists, drawers, palette, keys, rights. On the clients' list.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, url, views, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';

const missing = [/status of 401/, /status of 403/, /status of 404/];
const manager = staff('martin.adler');
const names = { en: 'Clients', de: 'Kunden', ar: 'العملاء' };

for (const view of views) {
  test(`the frame and a list with its drawer look right: ${view.name}`, async () => {
    const context = await visitor({ ...view, base: url });
    await enter(context, manager);
    const p = await page(context, '/office/clients');
    await p.getByRole('heading', { level: 1, name: names[view.lang] }).waitFor();
    await p.locator('[data-qd-row]').first().waitFor();
    await look(p, `frame-list-${view.name}`);
    await p.locator('[data-qd-open]').first().click();
    await p.getByRole('dialog').waitFor();
    await look(p, `frame-peek-${view.name}`);
    await context.close();
  });
}

test('a list and its records are walked by keyboard, and the focus comes back to the row', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients?sort=name');
  await p.locator('[data-qd-row]').nth(3).waitFor();
  const rows = await p.locator('[data-qd-open]').allInnerTexts();
  const focused = () => p.evaluate(() => document.activeElement?.closest('[data-qd-row]')?.querySelector('[data-qd-open]')?.textContent);
  await p.keyboard.press('j');
  await p.waitForFunction((name) => document.activeElement?.textContent === name, rows[0]);
  await p.keyboard.press('j');
  await p.waitForFunction((name) => document.activeElement?.textContent === name, rows[1]);
  await p.keyboard.press('Enter');
  await p.getByRole('dialog', { name: rows[1] }).waitFor();
  await p.keyboard.press('j');
  await p.getByRole('dialog', { name: rows[2] }).waitFor();
  await p.keyboard.press('k');
  await p.getByRole('dialog', { name: rows[1] }).waitFor();
  await p.keyboard.press('j');
  await p.getByRole('dialog', { name: rows[2] }).waitFor();
  await p.keyboard.press('Escape');
  await p.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await focused(), rows[2]);
  assert.ok(!p.url().includes('peek'));
  await p.goBack();
  await p.getByRole('dialog').waitFor();
  await context.close();
});

test('filters are in the address: a reload and a sent link show the same', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients');
  await p.getByRole('textbox', { name: 'Stage' }).or(p.getByRole('combobox', { name: 'Stage' })).first().click();
  await p.getByRole('option', { name: 'Lead' }).click();
  await p.waitForURL('**/office/clients?stage=lead');
  await p.reload();
  await p.locator('[data-qd-row]').first().waitFor();
  const rows = p.locator('[data-qd-row]');
  assert.equal(await rows.filter({ has: p.getByText('Lead', { exact: true }) }).count(), await rows.count(), 'every row is a lead');
  await p.getByRole('button', { name: 'Reset' }).click();
  await p.waitForURL('**/office/clients');
  await context.close();
});

test('a view is saved under a name, shows what it holds, and goes away again', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients?stage=lead');
  await p.getByRole('button', { name: 'Save this view' }).click();
  const name = `Leads ${Date.now().toString(36)}`;
  await p.getByLabel('Name').fill(name);
  await p.getByRole('button', { name: 'Save', exact: true }).click();
  await p.getByRole('button', { name: new RegExp(name), pressed: true }).waitFor();
  await look(p, 'frame-views');
  await p.getByRole('button', { name: 'All', exact: true }).click();
  await p.waitForURL('**/office/clients');
  await p.getByRole('button', { name: new RegExp(`^(For the team )?${name}`) }).click();
  await p.waitForURL('**stage=lead');
  await p.getByRole('button', { name: `Change the view ${name}` }).click();
  await p.getByRole('menuitem', { name: 'Remove this view' }).click();
  await p.getByRole('button', { name: new RegExp(name) }).first().waitFor({ state: 'detached' });
  await context.close();
});

test('Ctrl+K finds a client and opens it, and lists what can be done', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients', { forgive: missing });
  await p.locator('[data-qd-row]').first().waitFor();
  const [first] = await p.locator('[data-qd-open]').allInnerTexts();
  await p.keyboard.press('Control+k');
  await p.getByRole('dialog', { name: 'Search and actions' }).waitFor();
  await p.keyboard.type(first.split(' ')[0].toLowerCase());
  await p.getByRole('dialog').getByText(first).first().waitFor();
  await look(p, 'frame-palette');
  await p.keyboard.press('Enter');
  await p.waitForURL(/\/office\/clients\/cli_/);
  await context.close();
});

test('"?" lists the keys, and single keys can be switched off', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients');
  await p.locator('[data-qd-row]').first().waitFor();
  await p.keyboard.press('?');
  await p.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await look(p, 'frame-keys');
  await p.getByRole('switch', { name: 'Single-key shortcuts' }).click();
  await p.keyboard.press('Escape');
  await p.getByRole('dialog').waitFor({ state: 'detached' });
  await p.keyboard.press('j');
  assert.equal(await p.evaluate(() => document.activeElement?.closest('[data-qd-row]')), null);
  await context.close();
});

test('the language changes at once and stays, without another page', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients?stage=lead');
  await p.getByRole('button', { name: /profile and settings/ }).click();
  await p.getByRole('menuitem', { name: 'Deutsch' }).click();
  await p.getByRole('heading', { level: 1, name: 'Kunden' }).waitFor();
  assert.equal(await p.evaluate(() => document.documentElement.lang), 'de');
  await p.keyboard.press('Escape');
  await look(p, 'frame-language');
  await p.reload();
  await p.getByRole('heading', { level: 1, name: 'Kunden' }).waitFor();
  assert.ok(p.url().endsWith('?stage=lead'));
  await context.close();
});

test('what a role may not see is absent from the navigation, and its address says so', async () => {
  const context = await visitor();
  await enter(context, staff('lena.vogt'));
  const p = await page(context, '/office/audit', { forgive: missing });
  await p.getByRole('heading', { level: 1, name: 'Not for your role' }).waitFor();
  assert.equal(await p.getByRole('navigation').getByRole('link', { name: /Audit/ }).count(), 0);
  await p.getByText('See the audit log').waitFor();
  await look(p, 'frame-not-for-role');
  await context.close();
});

test('a client at the back office is shown the way to their own room', async () => {
  const context = await visitor();
  await enter(context, 'client@quarterdeck.example');
  const p = await page(context, '/office/clients', { forgive: missing });
  await p.getByRole('link', { name: 'To your room' }).waitFor();
  await look(p, 'frame-wrong-portal');
  await context.close();
});

test('without a network the page says so, and goes on when it is back', async () => {
  const context = await visitor();
  await enter(context, manager);
  const p = await page(context, '/office/clients', { forgive: [/ERR_INTERNET_DISCONNECTED/] });
  await p.locator('[data-qd-row]').first().waitFor();
  await context.setOffline(true);
  await p.getByText('You are offline.').waitFor();
  await context.setOffline(false);
  await p.getByText('You are offline.').waitFor({ state: 'detached' });
  await context.close();
});
