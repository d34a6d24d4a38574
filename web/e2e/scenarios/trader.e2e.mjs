// Screens of the Trader's Room with a client's seeded business, in every language, size and colour.
import { test } from 'node:test';
import { enter, staff } from '../lib/people.mjs';
import { look, page, views, visitor } from '../lib/browser.mjs';

const pages = ['/', '/accounts', '/accounts/new', '/deposit', '/withdraw', '/transfer', '/history', '/history/statement', '/verification', '/verification/profile', '/verification/questionnaire', '/verification/documents', '/support', '/support/new', '/notices', '/settings', '/partnership', '/profile'];

for (const view of views.filter((v) => v.lang !== 'ar')) {
  test(`a client's room looks right: ${view.name}`, async () => {
    const context = await visitor(view);
    await enter(context, staff('client'));
    // Whoever is no partner is answered 404, which the browser notes.
    const p = await page(context, '/', { forgive: [/404/] });
    for (const address of pages) {
      await p.goto(address);
      await p.getByRole('heading', { level: 1 }).waitFor();
      await look(p, `trader-${address === '/' ? 'home' : address.slice(1).replaceAll('/', '-')}-${view.name}`);
    }
    await context.close();
  });
}

test('an account shows its figures, positions, deals and a statement', async () => {
  for (const view of views.filter((v) => v.name.endsWith('light') && v.lang !== 'ar')) {
    const context = await visitor(view);
    await enter(context, staff('client'));
    const p = await page(context, '/accounts');
    await p.locator('main a[href^="/accounts/tacc_"]').first().click();
    await p.waitForURL(/\/accounts\/tacc_/);
    for (const tab of ['positions', 'deals', 'money']) {
      await p.goto(`${new URL(p.url()).pathname}?tab=${tab}`);
      await p.getByRole('tab', { selected: true }).waitFor();
      await look(p, `trader-account-${tab}-${view.name}`);
    }
    await p.goto(`${new URL(p.url()).pathname}/statement?month=2026-09`);
    await p.getByRole('heading', { level: 1 }).waitFor();
    await look(p, `trader-account-statement-${view.name}`);
    await context.close();
  }
});
