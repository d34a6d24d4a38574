import { TextInput, type TextInputProps } from '@mantine/core';
import { i18next } from '@qd/i18n';
import { useState } from 'react';
import { moneyText, toMinor } from '../show/amount';

export interface MoneyInputProps extends Omit<TextInputProps, 'value' | 'onChange' | 'defaultValue'> {
  currency: string;
  /** Minor units; null while the text is no amount. */
  value: number | null;
  onChange: (minor: number | null) => void;
}

/** An amount as text in, minor units out: no float in between. The text is tidied on leaving. */
export function MoneyInput({ currency, value, onChange, onBlur, ...rest }: MoneyInputProps) {
  const written = (minor: number) => moneyText(i18next.language, { minor, currency }, { bare: true });
  const [text, setText] = useState(value === null ? '' : written(value));
  const [last, setLast] = useState(value);
  if (value !== last) {
    // Changed from outside ("all of it", a preset): show that; not while the reader types the same amount.
    setLast(value);
    if (toMinor(text, currency) !== value) setText(value === null ? '' : written(value));
  }
  return (
    <TextInput
      {...rest}
      inputMode="decimal"
      autoComplete="off"
      dir="ltr"
      value={text}
      rightSection={<span className="qd-muted">{currency}</span>}
      rightSectionWidth={56}
      onChange={(e) => {
        setText(e.currentTarget.value);
        const minor = toMinor(e.currentTarget.value, currency);
        setLast(minor);
        onChange(minor);
      }}
      onBlur={(e) => {
        const minor = toMinor(text, currency);
        if (minor !== null) setText(written(minor));
        onBlur?.(e);
      }}
    />
  );
}
