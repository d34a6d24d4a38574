// The program under test: the debug binary, on a free port, with data of its own.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../../../', import.meta.url).pathname;

function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.on('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

/** Up once `/readyz` says so; the simulated business is small, so that it is there in seconds, and
 *  long enough for a partner with two closed statements. */
export async function startServer({ clients = 60, days = 120 } = {}) {
  const binary = process.env.QD_BINARY ?? join(root, 'target/debug/quarterdeck');
  const web = process.env.QD_WEB_DIR ?? join(root, 'web/dist');
  if (!existsSync(binary)) throw new Error(`${binary} is not built`);
  if (!existsSync(join(web, 'auth/index.html'))) throw new Error('web/dist is not built: npm run build');
  const data = mkdtempSync(join(tmpdir(), 'qd-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(binary, ['demo'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      QD_LISTEN: `127.0.0.1:${port}`,
      QD_DATA: data,
      QD_SEED_CLIENTS: String(clients),
      QD_SEED_DAYS: String(days),
      QD_WEB_DIR: web,
    },
  });
  let said = '';
  const keep = (piece) => {
    said = (said + piece).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const stop = async () => {
    const gone = new Promise((resolve) => child.on('exit', resolve));
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await gone;
    }
    rmSync(data, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`the server ended by itself:\n${said}`);
    const ready = await fetch(`${url}/readyz`).then(
      (r) => r.ok,
      () => false,
    );
    if (ready) return { url, stop };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await stop();
  throw new Error(`the server did not get ready:\n${said}`);
}
