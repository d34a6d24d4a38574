// Physical left and right in CSS turn wrong in Arabic. A line that means the physical side on purpose
// (decimals line up at the right in every language) says so: /* physical on purpose */.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const banned =
  /(?:^|[\s;{])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)(?:-\w+)*|left|right|border-(?:top|bottom)-(?:left|right)-radius)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)\b/;
const inline = /\b(?:marginLeft|marginRight|paddingLeft|paddingRight|borderLeft|borderRight)\b|textAlign:\s*'(?:left|right)'|\b(?:ml|mr|pl|pr)=[{"]/;
const faults = [];

function walk(folder) {
  for (const name of readdirSync(folder)) {
    if (name === 'node_modules' || name === 'dist' || name === 'generated') continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path);
    else if (name.endsWith('.css')) check(path, banned);
    else if (/\.tsx?$/.test(name)) check(path, inline);
  }
}

function check(path, pattern) {
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      if (pattern.test(line) && !line.includes('physical on purpose')) faults.push(`${relative(root, path)}:${at + 1}: ${line.trim()}`);
    });
}

for (const folder of ['packages', 'apps']) walk(join(root, folder));
for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error(`${faults.length} physical left/right; use inline-start and inline-end`);
  process.exit(1);
}
