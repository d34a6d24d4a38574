// The Partner Portal with a seeded partner, in every language, size and colour; and what a client who
// is no partner is told there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look, page, rounds, url, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';

const pages = ['', '/lines', '/clients', '/links', '/tree', '/statements', '/profile'];

for (const view of rounds) {
  test(`the Partner Portal looks right: ${view.name}`, async () => {
    const context = await visitor({ ...view, base: url });
    await enter(context, staff('partner'));
    const p = await page(context, '/partner');
    for (const address of pages) {
      await p.goto(`/partner${address}`);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await look(p, `partner-${address.slice(1) || 'home'}-${view.name}`);
    }
    await context.close();
  });
}

test('a partner learns why a line is what it is, and the statement says the same sum as the API', async () => {
  const context = await visitor({ base: url });
  await enter(context, staff('partner'));
  const answer = await (await context.request.get('/api/v1/me/partner/lines?limit=1')).json();
  const line = answer.items[0];
  assert.ok(line, 'the seeded partner has earned');
  const p = await page(context, '/partner/lines');
  await p.getByRole('row').nth(1).click();
  const story = p.getByRole('complementary').or(p.getByRole('dialog')).filter({ hasText: line.explanation.rule.rule });
  await story.first().waitFor();
  await p.getByText(`${line.explanation.exact} ${line.currency}`).first().waitFor();
  await look(p, 'partner-line-why');
  const statements = await (await context.request.get('/api/v1/me/partner/statements?limit=1')).json();
  const s = statements.items[0];
  await p.goto(`/partner/statements/${s.id}`);
  await p.getByRole('heading', { level: 1 }).waitFor();
  await p.getByText('Closing balance').waitFor();
  const said = await p.locator('main').innerText();
  assert.ok(said.replace(/[\u2068\u2069\u00a0]/g, ' ').includes((s.closing_minor / 100).toFixed(2)), 'the closing balance is the API\'s');
  await look(p, 'partner-statement');
  await context.close();
});

test('a client who is no partner has no menu there, and is told how to become one', async () => {
  const context = await visitor({ base: url });
  await enter(context, staff('client'));
  const p = await page(context, null, { forgive: [/status of 40[34]/] });
  await p.goto('/');
  await p.getByRole('heading', { level: 1 }).waitFor();
  assert.equal(await p.getByRole('navigation').getByRole('link', { name: 'Partner Portal' }).count(), 0);
  await p.goto('/partner');
  await p.getByRole('link', { name: 'Become a partner' }).waitFor();
  await look(p, 'partner-none');
  await context.close();
});
