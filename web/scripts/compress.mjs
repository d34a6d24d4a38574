// Writes .br and .gz beside each text file of the build, so that the server never compresses at run time.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const text = /\.(js|mjs|css|html|svg|json|webmanifest|txt)$/;
let files = 0;

function walk(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path);
    else if (text.test(name) && !name.endsWith('.html') && !path.includes('.vite')) compress(path);
  }
}

function compress(path) {
  const body = readFileSync(path);
  if (body.length < 512) return;
  files += 1;
  writeFileSync(`${path}.gz`, gzipSync(body, { level: 9 }));
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
  );
}

walk(dist);
console.log(`compressed ${files} files`);
