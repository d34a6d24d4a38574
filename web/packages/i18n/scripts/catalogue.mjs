import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const folder = new URL('../../../../locales/', import.meta.url).pathname;
export const langs = () => readdirSync(folder, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name);
export const read = (lang, name) => {
  const file = join(folder, lang, `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
};

/** { a: { b: "x" } } -> Map { "a.b" => "x" } */
export function flat(tree, prefix = '', out = new Map()) {
  for (const [key, value] of Object.entries(tree)) {
    if (value !== null && typeof value === 'object') flat(value, `${prefix}${key}.`, out);
    else out.set(`${prefix}${key}`, value);
  }
  return out;
}

const forms = ['zero', 'one', 'two', 'few', 'many', 'other'];
export const pluralOf = (key) => {
  const found = key.match(/^(.*)_(zero|one|two|few|many|other)$/);
  return found && { stem: found[1], form: found[2] };
};
export const formsOf = (lang) => forms.filter((f) => new Intl.PluralRules(lang).resolvedOptions().pluralCategories.includes(f));
export const variables = (text) => [...new Set([...String(text).matchAll(/\{\{\s*-?\s*(\w+)/g)].map((m) => m[1]))].sort();
