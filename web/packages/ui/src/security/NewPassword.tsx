import { PasswordInput, type PasswordInputProps } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconCheck, IconCircle } from '@tabler/icons-react';
import classes from './security.module.css';

/** As the server counts; it has the last word, and looks at common passwords too. */
export const SHORTEST = { staff: 12, client: 8 } as const;

export interface NewPasswordProps extends Omit<PasswordInputProps, 'value' | 'about'> {
  staff: boolean;
  value: string;
  /** Name and address: the password may not be one of them. */
  names?: readonly string[];
}

/** A new password with what it needs, ticked while it is typed. */
export function NewPassword({ staff, value, names = [], ...rest }: NewPasswordProps) {
  const { t } = useTranslation('security');
  const count = SHORTEST[staff ? 'staff' : 'client'];
  const long = [...value].length >= count;
  const plain = value.trim().toLowerCase();
  const parts = names.flatMap((a) => [a, a.split('@')[0] ?? '']).map((a) => a.trim().toLowerCase());
  const own = value !== '' && !parts.some((p) => p.length > 2 && p === plain);
  return (
    <div>
      <PasswordInput autoComplete="new-password" {...rest} value={value} aria-describedby="password-rules" />
      <ul id="password-rules" className={classes.rules}>
        <Rule met={long} text={t('password.rule_long', { count })} />
        <Rule met={own && long} text={t('password.rule_own')} />
      </ul>
    </div>
  );
}

function Rule({ met, text }: { met: boolean; text: string }) {
  const { t } = useTranslation('security');
  return (
    <li>
      {met ? <IconCheck size={14} className={classes.met} aria-hidden /> : <IconCircle size={14} aria-hidden />}
      <span>
        {text}
        <span className="qd-hidden"> {met ? t('password.met') : t('password.not_met')}</span>
      </span>
    </li>
  );
}
