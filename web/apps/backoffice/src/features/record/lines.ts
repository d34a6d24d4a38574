import { hasText, plain, serverText } from '@qd/i18n';
import { moneyText, statusText, type StatusKind } from '@qd/ui';

// Words for what a line's data names by key: `state` of a deposit, the `outcome` of a call.
const worded: Record<string, Record<string, StatusKind>> = {
  deposit: { state: 'deposit' },
  withdrawal: { state: 'withdrawal' },
  transfer: { state: 'transfer' },
  stage: { from: 'stage', to: 'stage' },
  call: { outcome: 'call', direction: 'direction' as StatusKind },
  restriction: { kind: 'restriction' },
};

/** A line's data as the reader's language writes it: amounts, states, kinds. */
function fill(lang: string, kind: string, data: unknown): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries((data ?? {}) as Record<string, unknown>)) {
    const words = worded[kind]?.[key];
    if (value && typeof value === 'object' && 'minor' in value && 'currency' in value) out[key] = moneyText(lang, value as never);
    else if (words && typeof value === 'string') out[key] = statusText(words, value);
    else if (key === 'cause' && typeof value === 'string') out[key] = plain(value.replaceAll('.', ' ')).toLowerCase();
    else out[key] = value ?? '';
  }
  return out;
}

interface Line {
  kind: string;
  title_key: string;
  data: unknown;
}

/** What happened, in one sentence. */
export function lineTitle(lang: string, line: Line): string {
  if (hasText('shared', line.title_key)) return serverText('shared', line.title_key, fill(lang, line.kind, line.data));
  return plain(line.title_key.replace(/^timeline\./, '').replaceAll('.', ' '));
}

/** What somebody wrote about it. */
export function lineBody(line: Line): string | null {
  const data = (line.data ?? {}) as Record<string, unknown>;
  for (const key of ['body', 'text', 'reason']) if (typeof data[key] === 'string') return data[key];
  return null;
}
