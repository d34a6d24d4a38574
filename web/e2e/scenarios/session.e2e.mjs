// One person in several tabs: one live stream, one way out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';

test('several tabs read one stream, and the next tab takes over when the reading one closes', async () => {
  const context = await visitor();
  await enter(context, staff('clara.stein'));
  let streams = 0;
  context.on('request', (r) => {
    if (new URL(r.url()).pathname === '/api/v1/events') streams += 1;
  });
  const first = await page(context, '/office');
  await first.getByRole('heading', { level: 1 }).waitFor();
  await first.waitForEvent('request', { predicate: (r) => r.url().endsWith('/api/v1/events'), timeout: 5_000 }).catch(() => {});
  const second = await page(context, '/office/profile');
  const third = await page(context, '/office');
  await second.getByRole('heading', { level: 1 }).waitFor();
  await third.getByRole('heading', { level: 1 }).waitFor();
  // The others have loaded and asked; none of them opened a stream of its own.
  await third.waitForLoadState('load');
  assert.equal(streams, 1);
  const taken = context.waitForEvent('request', { predicate: (r) => new URL(r.url()).pathname === '/api/v1/events' });
  await first.close();
  await taken;
  assert.equal(streams, 2);
  await context.close();
});

test('signing out in one tab shows the door in the others, and Back shows nothing', async () => {
  const context = await visitor();
  await enter(context, staff('clara.stein'));
  const one = await page(context, '/office', { forgive: [/status of 401/] });
  const two = await page(context, '/office/profile', { forgive: [/status of 401/] });
  await one.getByRole('heading', { level: 1 }).waitFor();
  await two.getByRole('heading', { level: 1 }).waitFor();
  await one.getByRole('button', { name: /profile and settings/ }).click();
  await one.getByRole('menuitem', { name: 'Sign out' }).click();
  await one.waitForURL('**/office/sign-in');
  await two.waitForURL('**/office/sign-in**');
  await one.goBack();
  await one.waitForURL('**/office/sign-in**');
  await context.close();
});

test('a page that needs a session leads to the door, and back to the page afterwards', async () => {
  const context = await visitor();
  const p = await page(context, '/office/profile?tab=x', { forgive: [/status of 401/] });
  await p.waitForURL('**/office/sign-in?next=**');
  assert.equal(new URL(p.url()).searchParams.get('next'), '/office/profile?tab=x');
  await context.close();
});
