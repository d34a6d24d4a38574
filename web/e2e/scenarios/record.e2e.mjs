// The client's record: two records become one and two again, contact data with a field error, a hand-over
// that its new owner sees at once, and the file as of today.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from '../lib/asked.mjs';
import { look, page, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';

const head = (key) => ({ 'x-qd-request': '1', ...(key ? { 'idempotency-key': key } : {}) });

/** A lead by hand; the same phone twice makes a proposal. */
async function lead(context, phone, last) {
  const mark = `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
  const r = await context.request.post('/api/v1/clients', {
    headers: head(`record-${mark}`),
    data: { brand: 'northwind', first_name: 'Ines', last_name: last, email: `ines.${mark}@example.com`, phone, country: 'PT', language: 'pt', campaign: '', source: 'office' },
  });
  assert.ok(r.ok(), await r.text());
  return (await r.json()).client_id;
}

const phoneNumber = () => `+35121${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`;

test('two records are compared, joined and taken apart again', async () => {
  const context = await visitor();
  await enter(context, staff('admin'));
  const phone = phoneNumber();
  const first = await lead(context, phone, 'Prata');
  await lead(context, phone, 'Prata-Lima');
  const p = await page(context, `/office/clients/${first}`);
  await p.getByRole('button', { name: 'Compare' }).click();
  const dialog = p.getByRole('dialog');
  await dialog.getByRole('columnheader', { name: 'Stays' }).waitFor();
  await dialog.getByRole('cell', { name: 'Ines Prata-Lima' }).waitFor();
  await look(p, 'record-compare');
  await dialog.getByRole('textbox').fill('Same phone, same voice.');
  await dialog.getByRole('button', { name: 'Join' }).click();
  await p.getByText('The records are joined.').waitFor();
  await p.getByRole('button', { name: 'Take apart again' }).click();
  await dialog.getByRole('textbox').fill('It was the sister.');
  await dialog.getByRole('button', { name: 'Take apart again' }).click();
  await p.getByText('The records are apart again.').waitFor();
  await p.getByRole('button', { name: 'Different people' }).click();
  await dialog.getByRole('textbox').fill('Sisters.');
  await dialog.getByRole('button', { name: 'Different people' }).click();
  await p.getByText('Noted: these are different people.').waitFor();
  await context.close();
});

test('a wrong number is refused at its field, a right one is saved', async () => {
  const context = await visitor();
  await enter(context, staff('admin'));
  const id = await lead(context, phoneNumber(), 'Faria');
  const p = await page(context, `/office/clients/${id}?tab=contact`, { forgive: [/422/] });
  await p.getByRole('button', { name: 'Edit', exact: true }).click();
  const dialog = p.getByRole('dialog');
  await dialog.getByLabel('Phone').fill('abc');
  await dialog.getByLabel('Why?').fill('The client called.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('This is not a telephone number.').waitFor();
  await look(p, 'record-edit-refused');
  await dialog.getByLabel('Phone').fill('+351 21 555 0101');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await p.getByText('+351 21 555 0101').first().waitFor();
  await context.close();
});

test('who is given a client is told while they look at something else', async () => {
  const house = await visitor();
  await enter(house, staff('admin'));
  const id = await lead(house, phoneNumber(), 'Moura');
  const agent = await visitor();
  await enter(agent, staff('lena.vogt'));
  const q = await page(agent);
  // What is in the bell already is not news: the first answer has to be there before the hand-over.
  await Promise.all([q.waitForResponse((r) => r.url().includes('/me/notifications')), q.waitForResponse((r) => r.url().includes('/api/v1/events')), q.goto('/office/')]);
  await q.getByRole('heading', { level: 1 }).waitFor();
  const people = await (await house.request.get('/api/v1/staff?limit=100')).json();
  const lena = people.items.find((s) => s.name === 'Lena Vogt');
  const r = await house.request.post(`/api/v1/clients/${id}/assign`, { headers: head(`hand-${id}`), data: { owner_id: lena.id, desk: null, reason: 'Speaks Portuguese.' } });
  assert.ok(r.ok(), await r.text());
  const toast = q.getByRole('alert').filter({ hasText: 'New lead: Ines Moura' });
  await toast.getByRole('button', { name: 'Open' }).click();
  await q.getByRole('heading', { level: 1, name: 'Ines Moura' }).waitFor();
  await house.close();
  await agent.close();
});

test('the file of a client stands on one page for paper, for compliance only', async () => {
  const context = await visitor();
  await enter(context, staff('clara.stein'));
  const list = await (await context.request.get('/api/v1/clients?stage=funded&limit=1')).json();
  const p = await page(context, `/office/clients/${list.items[0].id}/file`);
  await p.getByRole('heading', { level: 1, name: /^Client file: / }).waitFor();
  await p.getByRole('heading', { name: 'Audit trail' }).waitFor();
  await look(p, 'record-file');
  await context.close();
  const agent = await visitor();
  await enter(agent, staff('lena.vogt'));
  const q = await page(agent, `/office/clients/${list.items[0].id}/file`, { forgive: [/40[34]/] });
  await q.getByRole('heading', { level: 1 }).waitFor();
  assert.equal(await q.getByRole('button', { name: 'Print' }).count(), 0);
  await agent.close();
});

test('a mail that was sent opens as the client got it', async () => {
  const context = await visitor();
  await enter(context, staff('admin'));
  // Somebody who was written to about money: those words are kept.
  const { items } = await get(context, '/api/v1/clients?limit=50&stage=funded');
  let found;
  for (const c of items) {
    const mails = await get(context, `/api/v1/clients/${c.id}/mails?limit=20`);
    found = mails.items.find((m) => m.template === 'deposit_credited');
    if (found) break;
  }
  const p = await page(context, `/office/clients/${found.client_id}?tab=contact`);
  await p.getByRole('button', { name: found.subject }).first().click();
  const mail = p.getByRole('dialog', { name: found.subject });
  await mail.getByText(found.to.name).first().waitFor();
  await mail.locator('[lang] p').first().waitFor();
  await look(p, 'record-mail');
  await context.close();
});
