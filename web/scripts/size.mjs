// First page of each app against its budget, gzip: the entry with everything it imports at once, what the
// start of a portal always loads, CSS, and one locale file. Fails at 5 % over.
import { readFileSync, statSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'));
const budgets = { auth: 160, trader: 260, partner: 260, backoffice: 290 };
const css = 30;
const locale = 15;

const sizes = new Map();
function gz(file) {
  if (!sizes.has(file)) {
    const packed = `${dist}${file}.gz`;
    try {
      sizes.set(file, statSync(packed).size);
    } catch {
      sizes.set(file, gzipSync(readFileSync(dist + file), { level: 9 }).length);
    }
  }
  return sizes.get(file);
}

function closure(key, files = new Set(), styles = new Set(), seen = new Set()) {
  if (seen.has(key)) return { files, styles };
  seen.add(key);
  const chunk = manifest[key];
  files.add(chunk.file);
  for (const sheet of chunk.css ?? []) styles.add(sheet);
  for (const next of chunk.imports ?? []) closure(next, files, styles, seen);
  return { files, styles };
}

const kb = (bytes) => bytes / 1000;
let failed = false;
const line = (what, is, may) => {
  const over = is > may * 1.05;
  failed ||= over;
  console.log(`${over ? 'OVER ' : '     '}${what.padEnd(28)} ${is.toFixed(1).padStart(7)} kB of ${may}`);
};
const sum = (set) => kb([...set].reduce((total, file) => total + gz(file), 0));
for (const [app, budget] of Object.entries(budgets)) {
  const { files, styles } = closure(`apps/${app}/index.html`);
  const locales = Object.values(manifest).filter((chunk) => chunk.name?.startsWith(`locale-${app}-`) || chunk.file.includes(`/locale-${app}-`));
  line(`${app}: script`, sum(files), budget);
  line(`${app}: style`, sum(styles), css);
  line(`${app}: largest locale`, Math.max(...locales.map((chunk) => kb(gz(chunk.file)))), locale);
}
process.exit(failed ? 1 : 0);
