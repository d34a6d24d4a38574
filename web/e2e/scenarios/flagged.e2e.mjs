// Flagged: one applicant stops at a person with reasons, the simple one beside him does not wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, visitor } from '../lib/browser.mjs';
import { api, applied, approve, compliance } from '../lib/clients.mjs';
import { until } from '../lib/money.mjs';
import { enter, staff } from '../lib/people.mjs';
import { sharp } from '../lib/pictures.mjs';

const phone = { viewport: { width: 390, height: 844 }, mobile: true };

test('a case with reasons waits for one reviewer, who asks again; the client sees which paper and why', async () => {
  const room = await visitor(phone);
  const email = await applied(room, 'paul', { pep: true, holder: 'Somebody Else' });
  const p = await page(room, '/');
  await p.getByRole('heading', { name: 'We are checking your documents' }).waitFor();
  const refused = await room.request.post('/api/v1/me/accounts', { data: { account_type: 'standard', currency: 'EUR' }, headers: { 'x-qd-request': '1', 'idempotency-key': crypto.randomUUID() } });
  assert.equal(refused.status(), 409, 'no live account yet');

  const desk = await visitor();
  await enter(desk, staff('clara.stein'));
  const id = await until('the case', async () => {
    for (const row of (await api(desk)('get', '/kyc/queue?limit=200')).items) {
      if ((await api(desk)('get', `/kyc/${row.case_id}`)).applicant?.email === email) return row.case_id;
    }
  });
  const q = await page(desk, `/office/kyc/${id}`);
  await q.getByRole('heading', { level: 1, name: 'Alex Weber' }).waitFor();
  const view = await api(desk)('get', `/kyc/${id}`);
  for (const reason of ['pep', 'data_mismatch']) assert.ok(JSON.stringify(view.risk.reasons).includes(reason), `${reason} is a reason`);
  await q.getByText('Somebody Else').first().waitFor();
  await q.getByRole('button', { name: 'Claim' }).click();
  await q.getByRole('button', { name: 'Ask again' }).waitFor();
  await look(q, 'flagged-case');

  // Somebody else at compliance sees whose it is; support may not decide at all.
  const other = await visitor();
  await enter(other, staff('victor.mensah'));
  const v = await page(other, `/office/kyc/${id}`);
  await v.getByText('Clara Stein works on this case.').first().waitFor();
  assert.equal(await v.getByRole('button', { name: 'Approve' }).count(), 0);
  await other.close();
  const support = await visitor();
  await enter(support, staff('sofia.marques'));
  const claim = await support.request.post(`/api/v1/kyc/${id}/claim`, { data: {}, headers: { 'x-qd-request': '1', 'idempotency-key': crypto.randomUUID() } });
  assert.equal(claim.status(), 403);
  await support.close();

  await q.getByRole('button', { name: 'Ask again' }).click();
  const dialog = q.getByRole('dialog', { name: 'Ask again' });
  await dialog.getByRole('checkbox', { name: 'Identity document' }).check();
  await dialog.getByRole('combobox', { name: /^Identity document/ }).click();
  await q.getByRole('option').first().click();
  await dialog.getByRole('textbox').fill('The name on the passport is not his.');
  await dialog.getByRole('button', { name: 'Ask again' }).click();
  await dialog.waitFor({ state: 'detached' });

  // His screen was open and follows.
  await p.getByRole('heading', { name: 'We need one thing again' }).waitFor({ timeout: 15_000 });
  await look(p, 'flagged-asked-again');
  await p.getByRole('link', { name: 'Send it again' }).tap();
  await p.locator('input[type=file][capture]').first().setInputFiles(sharp());
  await p.getByRole('button', { name: 'Send for review' }).tap();
  await p.getByRole('heading', { name: 'We are checking your documents' }).waitFor();
  await room.close();
  await desk.close();
});

test('the simple applicant beside them has an account without another click', async () => {
  const room = await visitor(phone);
  const email = await applied(room, 'nina');
  const p = await page(room, '/');
  const started = Date.now();
  await p.getByRole('heading', { level: 1 }).waitFor();
  // By a rule where the entity has one; here a reviewer needs one pass.
  if ((await api(room)('get', '/me/kyc')).state !== 'approved') await approve(email);
  await p.getByRole('heading', { name: 'Fund your account' }).waitFor({ timeout: 30_000 });
  console.log(`verified and with an account after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  await look(p, 'flagged-simple');
  await room.close();
});

test('what a role may not see is not in the answer at all', async () => {
  const room = await visitor();
  await applied(room, 'secret');
  const paper = (await api(room)('get', '/me/kyc')).documents[0].id;
  await room.close();
  const desk = await compliance();
  assert.ok((await desk.request.get(`/api/v1/documents/${paper}`)).ok(), 'compliance opens the papers');
  await desk.close();
  for (const [who, path, hidden] of [
    ['lena.vogt', `/documents/${paper}`, null],
    ['lena.vogt', '/withdrawals', null],
    ['lena.vogt', '/ledger/totals', null],
    ['sofia.marques', '/commission-lines', null],
    ['farid.aziz', '/staff', null],
    ['lena.vogt', '/search?q=room.nobody', []],
  ]) {
    const context = await visitor();
    await enter(context, staff(who));
    const r = await context.request.get(`/api/v1${path}`);
    if (hidden) assert.deepEqual((await r.json()).items, hidden, `${who} ${path}`);
    else assert.ok([403, 404].includes(r.status()), `${who} gets ${r.status()} at ${path}`);
    await context.close();
  }
});
