// Starts the debug binary with a folder of its own and a small seeded demo, runs the scenarios one
// file after the other (one that fails a second time), stops it. `QD_E2E_URL` names a running server instead; arguments choose
// scenarios: `npm run e2e -- auth`, or `E2E_ONLY=auth`. `E2E_FULL=1`: all pages in all views.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { startServer } from './lib/server.mjs';

const here = new URL('.', import.meta.url).pathname;
const wanted = [...process.argv.slice(2), ...(process.env.E2E_ONLY ?? '').split(/[\s,]+/).filter(Boolean)];
const files = readdirSync(`${here}scenarios`)
  .filter((f) => f.endsWith('.e2e.mjs') && (wanted.length === 0 || wanted.some((w) => f.startsWith(w))))
  .map((f) => `${here}scenarios/${f}`);
if (files.length === 0) {
  console.error(`no scenario named ${wanted.join(', ')}`);
  process.exit(1);
}

const server = process.env.QD_E2E_URL ? { url: process.env.QD_E2E_URL, stop: async () => {} } : await startServer();
const run = (file) =>
  new Promise((resolve) => {
    const tests = spawn(process.execPath, ['--test', '--test-concurrency=1', file], {
      stdio: 'inherit',
      env: { QD_E2E_SHOTS: wanted.length > 0 ? '1' : '', ...process.env, QD_E2E_URL: server.url },
    });
    tests.on('exit', (code) => resolve(code === 0));
  });
// A file that fails is played once more: a machine that was busy for a moment is named, not believed.
const failed = [];
for (const file of files) {
  if (await run(file)) continue;
  console.error(`portals: ${file.slice(here.length)} failed; once more`);
  if (await run(file)) console.error(`portals: FLAKY ${file.slice(here.length)}`);
  else failed.push(file.slice(here.length));
}
await server.stop();
if (failed.length > 0) console.error(`portals: failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);
