// What is missing per language: keys, plural forms the language needs, variables that differ from English.
// Fails for the languages that must be complete; the others are listed only.
import { complete, portalNamespaces } from '../apps.mjs';
import { flat, formsOf, langs, pluralOf, read, variables } from './catalogue.mjs';

let failed = false;
for (const lang of langs()) {
  const faults = [];
  let total = 0;
  for (const name of portalNamespaces) {
    const english = flat(read('en', name));
    const own = flat(read(lang, name));
    const stems = new Set();
    for (const [key, text] of english) {
      const plural = pluralOf(key);
      if (plural && english.has(`${plural.stem}_one`) && english.has(`${plural.stem}_other`)) {
        if (stems.has(plural.stem)) continue;
        stems.add(plural.stem);
        for (const form of formsOf(lang)) {
          total += 1;
          if (!own.has(`${plural.stem}_${form}`)) faults.push(`${name}:${plural.stem}_${form} (plural form)`);
        }
        continue;
      }
      total += 1;
      if (!own.has(key)) faults.push(`${name}:${key}`);
      else if (String(own.get(key)).trim() === '') faults.push(`${name}:${key} (empty)`);
      else if (variables(own.get(key)).join() !== variables(text).join())
        faults.push(`${name}:${key} (variables: ${variables(own.get(key)).join(', ') || 'none'}; English: ${variables(text).join(', ') || 'none'})`);
    }
    for (const key of own.keys()) {
      const plural = pluralOf(key);
      const known = english.has(key) || (plural && english.has(`${plural.stem}_other`));
      if (!known) faults.push(`${name}:${key} (English does not have it)`);
    }
  }
  console.log(`${lang}: ${total} texts, ${faults.length === 0 ? 'complete' : `${faults.length} missing or wrong`}`);
  const must = complete.includes(lang);
  for (const fault of must || process.argv.includes('--all') ? faults : []) console.log(`  ${fault}`);
  if (must && faults.length > 0) failed = true;
}
if (failed) process.exit(1);
