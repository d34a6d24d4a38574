import { ActionIcon, Button, Fieldset, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { hasText, serverText, useTranslation } from '@qd/i18n';
import { fieldText } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import classes from '../settings.module.css';

interface Props {
  slug: string;
  /** The field's own words for code and text, where the setting has several tables. */
  name: string;
  label: string;
  description: string | undefined;
  /** Decimals: a comma typed is a point. */
  money: boolean;
  /** Codes as they are typed; otherwise in capitals. */
  free: boolean | undefined;
  value: unknown;
  readOnly: boolean;
  errors: Readonly<Record<string, string>>;
  onChange: (value: Record<string, string>) => void;
}

/** A table of code and text. Rows keep their place while a code is being typed. */
export function Pairs({ slug, name, label, description, money, free, value, readOnly, errors, onChange }: Props) {
  const { t } = useTranslation('office-settings');
  const from = Object.entries((value ?? {}) as Record<string, unknown>).map(([key, text]) => [key, String(text)] as const);
  const [rows, setRows] = useState<readonly (readonly [string, string])[]>(from);
  const put = (next: readonly (readonly [string, string])[]) => {
    setRows(next);
    onChange(Object.fromEntries(next.filter(([key]) => key.trim() !== '').map(([key, text]) => [key.trim(), text.trim()])));
  };
  const twice = (key: string) => key.trim() !== '' && rows.filter(([k]) => k.trim() === key.trim()).length > 1;
  const word = (part: 'key' | 'value') => serverText('office-settings', hasText('office-settings', `${slug}.${name}_${part}`) ? `${slug}.${name}_${part}` : `${slug}.${part}`);
  const [keyName, valueName] = [word('key'), word('value')];
  return (
    <Fieldset legend={label}>
      {description && <p className="qd-muted">{description}</p>}
      {rows.map(([key, text], at) => (
        <div key={at} className={classes.pair}>
          <TextInput aria-label={keyName} placeholder={keyName} dir="ltr" readOnly={readOnly} value={key} error={twice(key) && t('twice')} onChange={(e) => put(rows.map((r, n) => (n === at ? [free ? e.currentTarget.value : e.currentTarget.value.toUpperCase(), r[1]] : r)))} />
          <TextInput aria-label={`${valueName} ${key}`} placeholder={valueName} dir="ltr" inputMode={money ? 'decimal' : undefined} readOnly={readOnly} value={text} error={errors[key] && fieldText(errors[key])} onChange={(e) => put(rows.map((r, n) => (n === at ? [r[0], money ? e.currentTarget.value.replace(',', '.') : e.currentTarget.value] : r)))} />
          {!readOnly && <ActionIcon variant="subtle" color="gray" mt={4} aria-label={t('drop', { what: key })} onClick={() => put(rows.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>}
        </div>
      ))}
      {!readOnly && <Button size="compact-sm" variant="default" mt="xs" onClick={() => setRows([...rows, ['', '']])}>{t('addRow')}</Button>}
    </Fieldset>
  );
}
