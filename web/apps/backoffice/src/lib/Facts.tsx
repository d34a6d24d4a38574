import { plain } from '@qd/i18n';
import { KeyValue, Money, Value, When } from '@qd/ui';
import type { ReactNode } from 'react';

const isMoney = (v: unknown): v is { minor: number; currency: string } => typeof v === 'object' && v !== null && 'minor' in v && 'currency' in v;

function show(value: unknown): ReactNode {
  if (value === null || value === undefined || value === '') return null;
  if (isMoney(value)) return <Money value={value} />;
  if (Array.isArray(value)) {
    if (value.length === 0) return null;
    return value.every((v) => typeof v !== 'object') ? (
      <bdi dir="auto">{value.map((v) => plain(String(v))).join(' · ')}</bdi>
    ) : (
      <ul style={{ margin: 0, paddingInlineStart: '1.1rem' }}>
        {value.map((v, at) => (
          <li key={at}>{show(v)}</li>
        ))}
      </ul>
    );
  }
  if (typeof value === 'object') return <Facts value={value as Record<string, unknown>} />;
  return (
    <bdi dir="auto">
      <Value>{typeof value === 'boolean' ? (value ? '✓' : '✗') : String(value)}</Value>
    </bdi>
  );
}

/** Stored facts as they were: the names in plain words, the values untouched. */
export function Facts({ value, hide = [] }: { value: unknown; hide?: readonly string[] }) {
  if (typeof value !== 'object' || value === null) return <>{show(value)}</>;
  const currency = (value as { currency?: unknown }).currency;
  return (
    <KeyValue
      items={Object.entries(value)
        .filter(([key]) => !hide.includes(key))
        .map(([key, v]) => {
          if (key.endsWith('_us') && typeof v === 'number') return { label: plain(key.replace(/_at_us$|_us$/, '')), value: <When us={v} as="full" /> };
          if (key.endsWith('_minor') && typeof v === 'number' && typeof currency === 'string') return { label: plain(key.replace(/_minor$/, '')), value: <Money value={{ minor: v, currency }} /> };
          return { label: plain(key), value: show(v) };
        })}
    />
  );
}
