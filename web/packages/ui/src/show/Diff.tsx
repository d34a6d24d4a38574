import { plain, useTranslation } from '@qd/i18n';
import type { ReactNode } from 'react';
import classes from './show.module.css';

export interface DiffProps {
  before: Record<string, unknown> | null | undefined;
  after: Record<string, unknown> | null | undefined;
  /** A field's name for people; without it, the key as plain words. */
  label?: (field: string) => ReactNode;
  format?: (field: string, value: unknown) => ReactNode;
  /** Fields nobody reads: versions, times of writing. */
  hide?: readonly string[];
}

function flatten(value: unknown, prefix = '', out = new Map<string, unknown>()): Map<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, prefix ? `${prefix}.${key}` : key, out);
  } else out.set(prefix, value);
  return out;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const show = (value: unknown): ReactNode =>
  value === null || value === undefined || value === '' ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** What changed, field by field: from, to. Fields that stayed are not shown. */
export function Diff({ before, after, label = plain, format = (_, value) => show(value), hide = [] }: DiffProps) {
  const { t } = useTranslation('common');
  const old = flatten(before ?? {});
  const now = flatten(after ?? {});
  const fields = [...new Set([...old.keys(), ...now.keys()])].filter((f) => f && !hide.includes(f) && !same(old.get(f), now.get(f)));
  if (fields.length === 0) return <p className="qd-muted">{t('diff.none')}</p>;
  return (
    <table className={classes.diff}>
      <thead className="qd-hidden">
        <tr>
          <th scope="col">{t('diff.field')}</th>
          <th scope="col">{t('diff.from')}</th>
          <th scope="col">{t('diff.to')}</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <tr key={field}>
            <th scope="row">{label(field)}</th>
            <td>{before && <bdi className={classes.from}>{format(field, old.get(field))}</bdi>}</td>
            <td>
              <bdi className={classes.to}>{format(field, now.get(field))}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
