/** Nested facts as one line: `card.other_clients = 1`. */
export function factLine(facts: unknown, prefix = ''): string {
  if (facts === null || typeof facts !== 'object' || Array.isArray(facts)) return prefix ? `${prefix} = ${JSON.stringify(facts)}` : JSON.stringify(facts);
  return Object.entries(facts as Record<string, unknown>)
    .map(([key, value]) => factLine(value, prefix ? `${prefix}.${key}` : key))
    .filter(Boolean)
    .join(', ');
}

/** The facts of a set an expression speaks of. */
export function usedIn(expression: string, names: readonly string[]): string[] {
  return names.filter((name) => new RegExp(`(^|[^\\w.])${name.replaceAll('.', '\\.')}(?![\\w.])`).test(expression));
}
