import { ActionIcon, Button, Fieldset, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { serverText, useTranslation } from '@qd/i18n';
import { fieldText } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import classes from '../settings.module.css';

interface Props {
  slug: string;
  label: string;
  description: string | undefined;
  /** Decimals: a comma typed is a point. */
  money: boolean;
  value: unknown;
  readOnly: boolean;
  errors: Readonly<Record<string, string>>;
  onChange: (value: Record<string, string>) => void;
}

/** A table of code and text. Rows keep their place while a code is being typed. */
export function Pairs({ slug, label, description, money, value, readOnly, errors, onChange }: Props) {
  const { t } = useTranslation('office-settings');
  const from = Object.entries((value ?? {}) as Record<string, unknown>).map(([key, text]) => [key, String(text)] as const);
  const [rows, setRows] = useState<readonly (readonly [string, string])[]>(from);
  const put = (next: readonly (readonly [string, string])[]) => {
    setRows(next);
    onChange(Object.fromEntries(next.filter(([key]) => key.trim() !== '').map(([key, text]) => [key.trim(), text.trim()])));
  };
  const twice = (key: string) => key.trim() !== '' && rows.filter(([k]) => k.trim() === key.trim()).length > 1;
  const keyName = serverText('office-settings', `${slug}.key`);
  const valueName = serverText('office-settings', `${slug}.value`);
  return (
    <Fieldset legend={label}>
      {description && <p className="qd-muted">{description}</p>}
      {rows.map(([key, text], at) => (
        <div key={at} className={classes.pair}>
          <TextInput aria-label={keyName} placeholder={keyName} dir="ltr" readOnly={readOnly} value={key} error={twice(key) && t('twice')} onChange={(e) => put(rows.map((r, n) => (n === at ? [e.currentTarget.value.toUpperCase(), r[1]] : r)))} />
          <TextInput aria-label={`${valueName} ${key}`} placeholder={valueName} dir="ltr" inputMode={money ? 'decimal' : undefined} readOnly={readOnly} value={text} error={errors[key] && fieldText(errors[key])} onChange={(e) => put(rows.map((r, n) => (n === at ? [r[0], money ? e.currentTarget.value.replace(',', '.') : e.currentTarget.value] : r)))} />
          {!readOnly && <ActionIcon variant="subtle" color="gray" mt={4} aria-label={t('drop', { what: key })} onClick={() => put(rows.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>}
        </div>
      ))}
      {!readOnly && <Button size="compact-sm" variant="default" mt="xs" onClick={() => setRows([...rows, ['', '']])}>{t('addRow')}</Button>}
    </Fieldset>
  );
}
