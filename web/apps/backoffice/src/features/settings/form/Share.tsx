import { TextInput } from '@mantine/core';
import { latinDigits } from '@qd/ui/security';
import { useState } from 'react';
import { percentOf, shareOf } from './fields';

interface Props {
  label: string;
  description: string | undefined;
  error: string | undefined;
  placeholder: string | undefined;
  readOnly: boolean;
  value: unknown;
  onChange: (value: string | undefined) => void;
}

/** A share of something, typed as per cent; empty is none said. */
export function Share({ label, description, error, placeholder, readOnly, value, onChange }: Props) {
  const [text, setText] = useState(typeof value === 'string' ? percentOf(value) : '');
  return (
    <TextInput
      label={label}
      description={description}
      error={error}
      placeholder={placeholder}
      readOnly={readOnly}
      dir={text || !placeholder ? 'ltr' : undefined}
      inputMode="decimal"
      rightSection={<span className="qd-muted">%</span>}
      value={text}
      onChange={(e) => {
        const typed = latinDigits(e.currentTarget.value).replace(',', '.').trim();
        setText(typed);
        onChange(typed === '' ? undefined : shareOf(typed));
      }}
    />
  );
}
