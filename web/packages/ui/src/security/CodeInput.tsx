import { TextInput, type TextInputProps } from '@mantine/core';
import { latinDigits } from './useFields';

export interface CodeInputProps extends Omit<TextInputProps, 'onChange'> {
  onCode: (code: string) => void;
  onChange?: unknown;
}

/**
 * A code of the authenticator app, or a recovery code: one field, because pasting, autofill and
 * screen readers work in one field and not in six.
 */
export function CodeInput({ onCode, onChange: _, ...rest }: CodeInputProps) {
  return (
    <TextInput
      autoComplete="one-time-code"
      inputMode="text"
      autoCapitalize="characters"
      autoCorrect="off"
      spellCheck={false}
      dir="ltr"
      maxLength={24}
      styles={{ input: { fontFamily: 'var(--qd-mono)', letterSpacing: '0.12em' } }}
      {...rest}
      onChange={(e) => onCode(latinDigits(e.currentTarget.value))}
    />
  );
}
