// Finance works through the queue without touching the mouse.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';
import { askForMoney } from '../lib/asked.mjs';

test('a withdrawal is found, claimed, noted and approved by keys alone', async () => {
  const asked = await askForMoney(2_300);
  const context = await visitor();
  await enter(context, staff('farid.aziz'));
  const p = await page(context, '/office');
  await p.getByRole('heading', { level: 1 }).waitFor();
  await p.keyboard.press('g');
  await p.keyboard.press('w');
  await p.getByRole('heading', { name: 'Withdrawals', level: 1 }).waitFor();
  await p.getByRole('row', { name: /EUR 23\.00/ }).first().waitFor();
  // Down to its row, past what others asked for meanwhile, and open it.
  const row = () => p.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.activeElement?.closest('[data-qd-row]')?.dataset.qdRow ?? '')))));
  for (let presses = 0; (await row()) !== asked; presses++) {
    assert.ok(presses < 50, 'the keys reach the row');
    await p.keyboard.press('j');
  }
  await p.keyboard.press('Enter');
  const record = p.getByRole('complementary').or(p.getByRole('region')).or(p.locator('section')).filter({ has: p.getByRole('heading', { name: 'Request' }) }).first();
  await record.getByText('EUR 23.00').first().waitFor();
  assert.match(p.url(), new RegExp(`peek=${asked}`));
  await look(p, 'money-withdrawal-peek');

  await p.keyboard.press('m');
  await p.getByRole('button', { name: 'Put back' }).waitFor();
  await p.keyboard.press('n');
  const note = p.getByRole('dialog', { name: 'Add a note' });
  await note.getByRole('textbox').waitFor();
  await p.keyboard.type('Called back: it was the client.');
  await p.keyboard.press('Control+Enter');
  await note.waitFor({ state: 'detached' });
  await p.getByText('Called back: it was the client.').first().waitFor();

  await p.keyboard.press('a');
  const approve = p.getByRole('dialog', { name: 'Approve the withdrawal' });
  await approve.waitFor();
  await look(p, 'money-approve');
  const words = approve.getByRole('textbox');
  while (!(await words.evaluate((el) => el === document.activeElement))) await p.keyboard.press('Tab');
  await p.keyboard.type('Known client.');
  await p.keyboard.press('Control+Enter');
  await approve.waitFor({ state: 'detached' });
  await p.getByRole('button', { name: 'Approve' }).waitFor({ state: 'detached' });

  await p.keyboard.press('Escape');
  await p.waitForURL((u) => !u.searchParams.has('peek'));
  await context.close();
});

test('the list of keys says what can be done here', async () => {
  const context = await visitor();
  await enter(context, staff('farid.aziz'));
  const p = await page(context, '/office/withdrawals');
  await p.getByRole('heading', { name: 'Withdrawals', level: 1 }).waitFor();
  await p.keyboard.press('?');
  await p.getByRole('dialog').getByText('Go to').or(p.getByRole('dialog').getByText('Withdrawals')).first().waitFor();
  await p.keyboard.press('Escape');
  await context.close();
});
