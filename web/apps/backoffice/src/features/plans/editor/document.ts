/** A plan as the server's schema has it (`quarterdeck commissions schema plan`): the parts the editor knows. */
export interface PlanScope {
  symbols?: string[];
  product_groups?: string[];
  account_types?: string[];
  groups?: string[];
  countries?: string[];
  entities?: string[];
}
export interface PlanRule {
  id: string;
  kind: 'per_lot';
  level?: number;
  rate: string;
  scope?: PlanScope;
  valid_from?: string;
  valid_to?: string;
}
export type PlanOverride = { method: 'fixed' } | { method: 'differential' } | { method: 'percent_of_child'; of: 'next' | 'direct'; levels: string[] };
export interface PlanDoc {
  format: 1;
  name: string;
  note?: string;
  currency: string;
  scope?: { entities?: string[]; countries?: string[]; forbidden?: { country: string; source: string }[] };
  rules?: PlanRule[];
  override?: PlanOverride;
  exclusions?: { min_duration_secs?: number; negative_balance?: boolean; bonus_share?: boolean };
  volume_factors?: { account_types?: string[]; groups?: string[]; factor: string }[];
}

export const emptyPlan: PlanDoc = { format: 1, name: '', currency: 'USD', rules: [{ id: 'fx', kind: 'per_lot', rate: '' }] };
export const scopeParts = ['symbols', 'product_groups', 'account_types', 'groups', 'countries', 'entities'] as const;

/** "0.20" -> "20": shares are typed and shown in percent, kept as decimal text. Shifts the point, no arithmetic. */
export function toPercent(share: string): string {
  const match = share.match(/^(\d+)(?:\.(\d+))?$/);
  if (!match) return share;
  const digits = (match[2] ?? '').padEnd(2, '0');
  const whole = `${match[1]}${digits.slice(0, 2)}`.replace(/^0+(?=\d)/, '');
  const rest = digits.slice(2).replace(/0+$/, '');
  return rest ? `${whole}.${rest}` : whole;
}

/** "20" -> "0.20"; null while it is no number. */
export function fromPercent(percent: string): string | null {
  const match = percent.trim().replace(',', '.').match(/^(\d+)(?:\.(\d+))?$/);
  if (!match) return null;
  const padded = (match[1] as string).padStart(3, '0');
  return `${padded.slice(0, -2).replace(/^0+(?=\d)/, '')}.${padded.slice(-2)}${match[2] ?? ''}`;
}

/** Decimal text as the server takes it, from what a person typed. */
export const decimal = (typed: string): string => typed.trim().replace(',', '.');
export const isDecimal = (text: string): boolean => /^\d+(\.\d{1,12})?$/.test(text);

/** Without empty parts: an empty list means "any", and so does none. */
export function tidy(doc: PlanDoc): PlanDoc {
  return {
    ...doc,
    name: doc.name.trim(),
    rules: (doc.rules ?? []).map((r) => {
      const scope = Object.fromEntries(scopeParts.flatMap((part) => (r.scope?.[part]?.length ? [[part, r.scope[part]]] : [])));
      const { scope: _, ...rest } = r;
      return Object.keys(scope).length > 0 ? { ...rest, scope } : rest;
    }),
  };
}
