import { hasText, plain, serverText } from '@qd/i18n';

export const setText = (name: string, title: string): string => (hasText('office-house', `set.${name}`) ? serverText('office-house', `set.${name}`) : title);
export const ruleField = (field: string): string => {
  const top = field.split('.')[0] ?? field;
  const text = hasText('office-house', `rules.field.${top}`) ? serverText('office-house', `rules.field.${top}`) : plain(top);
  return field === top ? text : `${text} · ${plain(field.slice(top.length + 1))}`;
};
/** `{decision: "hold", role: "compliance"}` in one line. */
export function outcomeText(outcome: unknown): string {
  if (outcome === null || typeof outcome !== 'object') return String(outcome ?? '–');
  return Object.entries(outcome as Record<string, unknown>)
    .map(([key, value]) => `${plain(key)}: ${typeof value === 'string' ? plain(value) : typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' · ');
}

/** `card.other_clients` of nested facts. */
export function factAt(facts: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at !== null && typeof at === 'object' ? (at as Record<string, unknown>)[key] : undefined), facts);
}

/** Facts with one of them set; the given ones stay as they are. */
export function withFact(facts: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const [head, ...rest] = path.split('.') as [string, ...string[]];
  const inner = facts[head];
  const next = { ...facts };
  if (rest.length === 0) {
    if (value === undefined) delete next[head];
    else next[head] = value;
  } else next[head] = withFact(inner !== null && typeof inner === 'object' ? (inner as Record<string, unknown>) : {}, rest.join('.'), value);
  return next;
}
