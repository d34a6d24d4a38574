// Types from the API's description. A reference to a shape that the description forgot is taken for
// text, with a warning: one gap in the API must not stop the work on all screens.
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL('../../../../docs/api/openapi.json', import.meta.url);
const target = new URL('../src/generated/schema.d.ts', import.meta.url);
const description = JSON.parse(readFileSync(source, 'utf8'));
const shapes = description.components.schemas;
const missing = new Set();
JSON.stringify(description, (key, value) => {
  const name = key === '$ref' && typeof value === 'string' ? value.replace('#/components/schemas/', '') : null;
  if (name && !Object.hasOwn(shapes, name)) missing.add(name);
  return value;
});
for (const name of missing) {
  console.warn(`openapi.json refers to ${name}, which it does not describe: taken for text`);
  shapes[name] = { type: 'string' };
}
// What has a default may be left out of a request.
const types = await openapiTS(description, { defaultNonNullable: false });
writeFileSync(target, `// Written by \`npm run gen -w @qd/api\` from docs/api/openapi.json; do not edit.\n${astToString(types)}`);
console.log(`${Object.keys(description.paths).length} addresses, ${Object.keys(shapes).length} shapes`);
