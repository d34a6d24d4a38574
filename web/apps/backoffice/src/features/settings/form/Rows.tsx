import { ActionIcon, Button, Fieldset, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { serverText, useTranslation } from '@qd/i18n';
import { fieldText, Notice } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { below, read, write, type Field } from './fields';
import { One } from './SettingForm';
import classes from '../settings.module.css';

interface Props {
  slug: string;
  label: string;
  description: string | undefined;
  named: boolean;
  fields: readonly Field[];
  fresh: unknown;
  value: unknown;
  readOnly: boolean;
  errors: Readonly<Record<string, string>>;
  onChange: (value: unknown) => void;
}
type Row = readonly [string, unknown];

// As many as one finds by looking; more of them, and one wants to type a name.
const FEW = 8;

/** Entries with fields of their own, by a name or in a list. Rows keep their place while a name is being typed. */
export function Rows({ slug, label, description, named, fields, fresh, value, readOnly, errors, onChange }: Props) {
  const { t } = useTranslation('office-settings');
  const [rows, setRows] = useState<readonly Row[]>(() => (named ? Object.entries((value ?? {}) as Record<string, unknown>) : (Array.isArray(value) ? value : []).map((v, at) => [String(at), v] as const)));
  const [wanted, setWanted] = useState('');
  const put = (next: readonly Row[]) => {
    setRows(next);
    onChange(named ? Object.fromEntries(next.filter(([key]) => key.trim() !== '').map(([key, v]) => [key.trim(), v])) : next.map(([, v]) => v));
  };
  const change = (at: number, row: Row) => put(rows.map((r, n) => (n === at ? row : r)));
  const twice = (key: string) => named && key.trim() !== '' && rows.filter(([k]) => k.trim() === key.trim()).length > 1;
  const keyName = named ? serverText('office-settings', `${slug}.key`) : '';
  const title = (key: string, at: number) => (named ? key || t('newRow') : t('rowOf', { n: at + 1 }));
  const add = () => {
    setWanted('');
    const next = [...rows, ['', fresh] as const];
    if (named) setRows(next);
    else put(next);
  };
  return (
    <Fieldset legend={label}>
      {description && <p className="qd-muted">{description}</p>}
      {named && rows.length > FEW && <TextInput mb="sm" label={t('findRow')} value={wanted} onChange={(e) => setWanted(e.currentTarget.value)} />}
      {rows.map(([key, v], at) =>
        wanted && !key.toLowerCase().includes(wanted.trim().toLowerCase()) ? null : (
          <div key={at} role="group" aria-label={title(key, at)} className={classes.entry}>
            <div className={classes.entryHead}>
              {named ? (
                <TextInput label={keyName} dir="ltr" readOnly={readOnly} value={key} error={twice(key) ? t('twice') : errors[key] && fieldText(errors[key])} onChange={(e) => change(at, [e.currentTarget.value, v])} />
              ) : (
                <strong>{title(key, at)}</strong>
              )}
              {!readOnly && <ActionIcon variant="subtle" color="gray" aria-label={t('drop', { what: title(key, at) })} onClick={() => put(rows.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>}
            </div>
            {!named && errors[String(at)] && <Notice tone="bad">{fieldText(errors[String(at)] as string)}</Notice>}
            <div className={fields.length > 1 ? classes.grid : undefined}>
              {fields.map((f) => (
                <div key={f.name} className={f.wide ? classes.wide : undefined}>
                  <One slug={slug} field={f} value={read(v, f.at)} readOnly={readOnly} errors={below(Object.fromEntries(Object.entries(errors).map(([pointer, code]) => [`/${pointer}`, code])), [named ? key : String(at), ...f.at])} onChange={(part) => change(at, [key, write(v, f.at, part)])} />
                </div>
              ))}
            </div>
          </div>
        ),
      )}
      {!readOnly && <Button size="compact-sm" variant="default" mt="xs" onClick={add}>{t('addRow')}</Button>}
    </Fieldset>
  );
}
