// Pictures as a telephone takes them: one that can be read, one that cannot.
import { deflateSync } from 'node:zlib';

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc(bytes) {
  let c = 0xffffffff;
  for (const b of bytes) c = table[(c ^ b) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(kind, body) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  const named = Buffer.concat([Buffer.from(kind), body]);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc(named));
  return Buffer.concat([head, named, tail]);
}

/** A grey PNG; `shade` answers 0 to 255 for a point. */
function png(width, height, shade) {
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = shade(x, y);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = 8;
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** Small print on paper; `seed` makes another picture each time, as the house knows a file it has seen. */
export function sharp(name = 'passport.png', seed = Math.floor(Math.random() * 1e9)) {
  const buffer = png(900, 620, (x, y) => (((x >> 2) * 73_856_093) ^ ((y >> 2) * 19_349_663) ^ seed) % 5 === 0 ? 25 : 235);
  return { name, mimeType: 'image/png', buffer };
}

/** A hand that trembled. */
export function blurred(name = 'blurred.png') {
  return { name, mimeType: 'image/png', buffer: png(900, 620, (x, y) => Math.round(110 + 60 * Math.sin(x / 90) + 40 * Math.cos(y / 70))) };
}
