// Physical left and right in CSS turn wrong in Arabic. A line that means the physical side on purpose
// (decimals line up at the right in every language) says so: /* physical on purpose */.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
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
    else if (/\.tsx?$/.test(name)) {
      check(path, inline);
      if (!/\.test\.tsx?$/.test(name)) dressed(path);
    }
  }
}

function check(path, pattern) {
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      if (pattern.test(line) && !line.includes('physical on purpose')) faults.push(`${relative(root, path)}:${at + 1}: ${line.trim()}`);
    });
}

// A Mantine component whose style nobody imports looks broken, and only in the built page.
const styles = join(root, 'node_modules/@mantine/core/styles');
const everywhere = readFileSync(join(root, 'packages/ui/src/styles.ts'), 'utf8');
const stands = { TextInput: 'Input', Textarea: 'Input', Select: 'Combobox', NativeSelect: 'Input', MultiSelect: 'PillsInput', TagsInput: 'PillsInput', Autocomplete: 'Combobox', JsonInput: 'Input', FileInput: 'Input' };
function dressed(path) {
  const text = readFileSync(path, 'utf8');
  for (const [, names] of text.matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)) {
    for (const name of names.split(',').map((n) => n.trim())) {
      const sheet = `${stands[name] ?? name}.css`;
      if (!/^[A-Z]/.test(name) || !existsSync(join(styles, sheet))) continue;
      if (!everywhere.includes(`/styles/${sheet}`) && !text.includes(`/styles/${sheet}`))
        faults.push(`${relative(root, path)}: ${name} needs import '@mantine/core/styles/${sheet}'`);
    }
  }
}

for (const folder of ['packages', 'apps']) walk(join(root, folder));
for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error(`${faults.length} faults: physical left/right (use inline-start and inline-end), or a style that is missing`);
  process.exit(1);
}
