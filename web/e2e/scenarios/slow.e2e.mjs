// A cheap phone in a bad network: the number is printed, only the absurd fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, visitor } from '../lib/browser.mjs';
import { enter, staff } from '../lib/people.mjs';

for (const [name, address, who] of [['the door', '/sign-in', null], ["the Trader's Room", '/', 'client']]) {
  test(`${name} is there on a slow phone`, async () => {
    const context = await visitor({ viewport: { width: 360, height: 740 }, mobile: true, lang: 'de' });
    if (who) await enter(context, staff(who));
    const p = await page(context);
    const cdp = await context.newCDPSession(p);
    await cdp.send('Network.enable');
    await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 });
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    const started = Date.now();
    await p.goto(address, { waitUntil: 'commit' });
    await p.getByRole('heading', { level: 1 }).waitFor();
    const seconds = (Date.now() - started) / 1000;
    console.log(`${name}: content after ${seconds.toFixed(1)} s at 1.6 Mbit/s, 150 ms, a quarter of the processor`);
    assert.ok(seconds < 30, `${seconds} s`);
    await context.close();
  });
}
