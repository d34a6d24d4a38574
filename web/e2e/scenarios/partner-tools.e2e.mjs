// The partner's own tools against the running server: balance and tiers, postbacks with a test call and
// a replay, material with one's own code, the funnel, a late claim, a question about a line.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { get, post } from '../lib/asked.mjs';
import { look, page, rounds, url, visitor } from '../lib/browser.mjs';
import { registered } from '../lib/clients.mjs';
import { enter, staff } from '../lib/people.mjs';

const desk = staff('paula.ortiz');
const mine = async (context) => (await get(context, '/api/v1/me/partner')).partner;
const bin = `${url}/sandbox/bin/tools-${Date.now().toString(36)}`;

async function partner() {
  const context = await visitor({ base: url });
  await enter(context, staff('partner'));
  return context;
}
async function house() {
  const context = await visitor({ base: url });
  await enter(context, desk);
  return context;
}

test('the balance says what waits for what, and when the next statement closes', async () => {
  const context = await partner();
  const p = await page(context, '/partner');
  await p.getByRole('heading', { name: /^Your balance/ }).first().waitFor();
  await p.getByText('Next statement', { exact: true }).first().waitFor();
  await p.getByText('Least that is paid').first().waitFor();
  await p.getByText('Volume this month').waitFor();
  await look(p, 'partner-home-balance');
  await context.close();
});

test('a tier says how far it is, what is paid now and what next', async () => {
  const [context, office] = [await visitor({ base: url }), await house()];
  await registered(context, 'tiers');
  let me = await post(context, '/api/v1/me/partner', { name: 'Stufenwerk', currency: 'USD' });
  me = await post(office, `/api/v1/partners/${me.id}/state`, { state: 'active', version: me.version, reason: 'agreed' });
  const plan = await post(office, '/api/v1/plans', {
    entity: me.entity,
    valid_from_us: 0,
    reason: 'agreed',
    document: {
      format: 1,
      name: 'Tiers',
      currency: 'USD',
      tiers: [{ id: 'volume', measure: 'lots', window: 'lifetime', scope: 'own', kind: 'marginal', thresholds: ['100', '500'] }],
      rules: [{ id: 'forex', pay: 'per_lot', tier: 'volume', rates: ['6', '7', '8'] }],
    },
  });
  await post(office, `/api/v1/partners/${me.id}/plan`, { plan: plan.id, at_us: Date.now() * 1000, reason: 'agreed' });
  const p = await page(context, '/partner');
  await p.getByText('0.00 of 100 lots').waitFor();
  await p.getByRole('progressbar', { name: /lots/ }).waitFor({ state: 'attached' });
  await p.getByRole('cell', { name: '6.00 USD per lot' }).waitFor();
  await p.getByRole('cell', { name: '7.00 USD per lot' }).waitFor();
  await look(p, 'partner-home-tier');
  await context.close();
  await office.close();
});

test('a postback is typed with a live example, tested, read in the log and sent again', async () => {
  const context = await partner();
  const p = await page(context, '/partner/postbacks');
  await p.getByRole('button', { name: 'Add a postback' }).first().click();
  const form = p.getByRole('dialog', { name: 'Add a postback' });
  await form.getByLabel('Name').fill('Tracker');
  await form.getByLabel('Address').fill(`${bin}?cid={click_id}&e={event}&x={nonsense}`);
  await form.getByText('Not known: {nonsense}').waitFor();
  await form.getByLabel('Address').fill(`${bin}?cid={click_id}&e={event}`);
  await form.getByText('cid=abc-123&e=ftd').waitFor();
  await look(p, 'partner-postback-form');
  await form.getByRole('button', { name: 'Save' }).click();
  await p.getByRole('heading', { level: 1, name: 'Tracker' }).waitFor();
  await p.getByRole('button', { name: 'Send a test' }).click();
  await p.getByText('Taken', { exact: true }).first().waitFor({ timeout: 20_000 });
  await p.getByText('HTTP 200').first().waitFor();
  await look(p, 'partner-postback-tested');
  await p.locator('[data-qd-open]').first().click();
  const report = p.getByRole('dialog', { name: 'Registration' });
  await report.getByRole('heading', { name: 'What the macros stood for' }).waitFor();
  await report.getByRole('button', { name: 'Send again' }).click();
  await p.getByText('Sent again', { exact: true }).first().waitFor();
  await p.getByRole('table', { name: 'Reports' }).getByRole('row').nth(2).waitFor();
  await look(p, 'partner-postback-log');
  await context.close();
});

test('material carries the own code, and what is withdrawn is gone', async () => {
  const [context, office] = [await partner(), await house()];
  const me = await mine(context);
  const brand = 'northwind';
  const name = `Signature ${Date.now().toString(36)}`;
  const q = new URLSearchParams({ entity: me.entity, brand, language: 'de', kind: 'text', name, body: 'Handeln Sie mit uns: {link}', landing: '/register' });
  const made = await post(office, `/api/v1/partner-material?${q}`, '');
  const p = await page(context, '/partner/material', { forgive: [/status of 409/] });
  await p.getByRole('heading', { name }).waitFor();
  await p.getByRole('heading', { name }).locator('xpath=ancestor::section').getByRole('button', { name: 'Use it' }).click();
  const pack = p.getByRole('dialog', { name });
  await pack.getByText(/Handeln Sie mit uns: http.*\/c\/.*m=mat_/).waitFor();
  await look(p, 'partner-material');
  const [file] = await Promise.all([p.waitForEvent('download'), pack.getByRole('button', { name: 'Download QR code' }).click()]);
  assert.match(readFileSync(await file.path(), 'utf8'), /<svg/);
  await post(office, `/api/v1/partner-material/${made.id}/withdraw`, { reason: 'over' });
  await p.goto(`/partner/material?use=${made.id}`);
  await p.getByText('This material must not be shown any more').waitFor();
  await context.close();
  await office.close();
});

test('a click is in the funnel by link and by sub id', async () => {
  const context = await partner();
  const link = (await get(context, '/api/v1/me/partner/links')).items.find((l) => l.active);
  await fetch(`${url}/c/${link.code}?consent=1&sub1=banner-7`, { redirect: 'manual' });
  const p = await page(context, '/partner/funnel');
  await p.getByRole('table', { name: 'Funnel' }).getByText(link.code).waitFor();
  await look(p, 'partner-funnel');
  await p.goto('/partner/funnel?by=sub1');
  await p.getByRole('table', { name: 'Funnel' }).getByText('banner-7').waitFor();
  await context.close();
});

test('a late claim is filed with its evidence, read, and taken back', async () => {
  const context = await partner();
  const p = await page(context, '/partner/clients');
  await p.getByRole('link', { name: 'A client is missing?' }).click();
  await p.getByRole('button', { name: 'Claim a client' }).first().click();
  const form = p.getByRole('dialog', { name: 'Claim a client' });
  const who = `ada.${Date.now().toString(36)}@example.com`;
  await form.getByLabel('Client').fill(who);
  await form.getByRole('button', { name: 'Send the claim' }).click();
  await form.getByLabel('What shows it').fill('She wrote to me in September and asked for my link.');
  await form.getByRole('button', { name: 'Send the claim' }).click();
  await p.getByRole('table', { name: 'Claims' }).getByRole('button', { name: who }).click();
  await p.getByText('She wrote to me in September').waitFor();
  await look(p, 'partner-claim');
  await p.getByRole('button', { name: 'Take it back' }).click();
  await p.getByRole('table', { name: 'Claims' }).getByText('Taken back').first().waitFor();
  await context.close();
});

test('a question about a line is a ticket that carries the line', async () => {
  const context = await partner();
  const line = (await get(context, '/api/v1/me/partner/lines?limit=1')).items[0];
  const p = await page(context, `/partner/lines?peek=${line.id}`);
  await p.getByRole('button', { name: 'Ask about this line' }).click();
  const ask = p.getByRole('dialog', { name: 'Question about a line' });
  await ask.getByLabel('Your question').fill('Why is it not more?');
  await look(p, 'partner-line-ask');
  await ask.getByRole('button', { name: 'Send' }).click();
  await ask.getByText('Sent. The answer comes in the ticket').waitFor();
  const tickets = (await get(context, '/api/v1/me/tickets?limit=5')).items;
  assert.ok(tickets.some((x) => JSON.stringify(x).includes(line.id)), 'the ticket names the line');
  await context.close();
});

test('the JSON of a statement has the hash that the statement names', async () => {
  const context = await partner();
  const s = (await get(context, '/api/v1/me/partner/statements?limit=1')).items[0];
  const p = await page(context, `/partner/statements/${s.id}`);
  const [file] = await Promise.all([p.waitForEvent('download'), p.getByRole('button', { name: 'JSON' }).click()]);
  assert.equal(createHash('sha256').update(readFileSync(await file.path())).digest('hex'), s.sha256);
  await context.close();
});

test('programmes say that there is none, or who stands where', async () => {
  const context = await partner();
  const p = await page(context, '/partner/programmes');
  await p.getByRole('heading', { level: 1, name: 'Programmes' }).waitFor();
  await look(p, 'partner-programmes');
  await context.close();
});

for (const view of rounds) {
  test(`the partner's tools look right: ${view.name}`, async () => {
    const context = await visitor({ ...view, base: url });
    await enter(context, staff('partner'));
    const p = await page(context, '/partner');
    for (const address of ['', '/programmes', '/funnel', '/material', '/postbacks', '/claims']) {
      await p.goto(`/partner${address}`);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await look(p, `partner-tools-${address.slice(1) || 'home'}-${view.name}`);
    }
    await context.close();
  });
}
