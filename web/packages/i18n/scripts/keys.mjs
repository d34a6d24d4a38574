// Writes the literal English texts as types: a wrong key, a wrong variable and a forgotten variable all
// fail `tsc`. (Importing the JSON as a type would check the keys only.)
import { mkdirSync, readdirSync, readFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './catalogue.mjs';

const target = new URL('../src/generated/resources.d.ts', import.meta.url).pathname;
const literal = (tree, indent) =>
  `{\n${Object.entries(tree)
    .map(([key, value]) => `${indent}  ${JSON.stringify(key)}: ${typeof value === 'object' ? literal(value, `${indent}  `) : JSON.stringify(value)};\n`)
    .join('')}${indent}}`;

const names = readdirSync(join(folder, 'en')).filter((f) => f.endsWith('.json') && !['mail.json', 'legal.json', 'shared.json'].includes(f)).map((f) => f.slice(0, -5)).sort();
const body = names.map((name) => `  ${JSON.stringify(name)}: ${literal(JSON.parse(readFileSync(join(folder, 'en', `${name}.json`), 'utf8')), '  ')};\n`).join('');
const text = `// Written by \`npm run keys\` from /locales/en; do not edit.
import 'i18next';

interface Texts {
${body}}

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    fallbackNS: 'common';
    resources: Texts;
    returnNull: false;
    strictInterpolationChecks: true;
  }
}
`;
mkdirSync(new URL('../src/generated/', import.meta.url).pathname, { recursive: true });
if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text);
