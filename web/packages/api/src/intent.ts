/**
 * Idempotency keys. A key belongs to one intended effect: it is made when the input of a form
 * changes, not when a button is pressed, so a double tap, a repetition after a lost answer and the
 * repetition after a proof are all the same request to the server, which does it once.
 */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** 26 characters, 130 random bits. `crypto.randomUUID` is missing on plain-HTTP origins. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(26));
  return Array.from(bytes, (b) => ALPHABET[b % 32]).join('');
}

/** The same input gives the same text, in whatever order its fields were set. */
export function fingerprint(value: unknown): string {
  if (typeof Blob !== 'undefined' && value instanceof Blob) {
    const f = value as Blob & { name?: string; lastModified?: number };
    return `blob:${f.size}:${f.type}:${f.name ?? ''}:${f.lastModified ?? ''}`;
  }
  if (Array.isArray(value)) return `[${value.map(fingerprint).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as Record<string, unknown>).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${fingerprint(v)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'undefined';
}

const STORE = 'qd.intent.';
/** A person does not come back to the same half-sent form after that. */
const KEEP_MS = 24 * 3_600_000;

/**
 * The key of what one form means to do. With a `name` it survives a reload of the page while the
 * outcome is unknown: the deposit that was perhaps sent is not sent twice. The input itself is not
 * stored, only a hash; don't name forms that carry passwords.
 */
export class Intent {
  private print: string | null = null;
  private key: string | null = null;

  constructor(private readonly name?: string) {}

  keyFor(input: unknown): string {
    const print = fingerprint(input);
    if (this.key && this.print === print) return this.key;
    this.print = print;
    this.key = this.recall(print) ?? newKey();
    return this.key;
  }

  /** What is about to be sent may arrive without our learning of it. */
  sending(): void {
    if (!this.name || !this.key || this.print === null) return;
    const entry = { print: hash(this.print), key: this.key, at: Date.now() };
    try {
      sessionStorage.setItem(STORE + this.name, JSON.stringify(entry));
    } catch {
      // Private mode without storage: the key lives as long as the page.
    }
  }

  /** Done, or refused for good: the next submit means something new. */
  settled(): void {
    this.print = null;
    this.key = null;
    if (!this.name) return;
    try {
      sessionStorage.removeItem(STORE + this.name);
    } catch {
      // As above.
    }
  }

  private recall(print: string): string | null {
    if (!this.name) return null;
    try {
      const text = sessionStorage.getItem(STORE + this.name);
      const entry = text ? (JSON.parse(text) as { print: string; key: string; at: number }) : null;
      return entry && entry.print === hash(print) && Date.now() - entry.at < KEEP_MS ? entry.key : null;
    } catch {
      return null;
    }
  }
}

/** cyrb53: tells inputs apart, protects nothing. */
function hash(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 2654435761);
    b = Math.imul(b ^ c, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}
