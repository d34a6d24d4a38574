import { Button, PasswordInput, Stack } from '@mantine/core';
import { call, useMe, useRefresh } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { type FormEvent, useState } from 'react';
import { NewPassword } from './NewPassword';
import { Problem } from './Problem';
import { useFields } from './useFields';

export interface PasswordFormProps {
  onDone: () => void;
  /** Typed a moment ago (a first password that must be changed): it is not asked again. */
  current?: string;
  staff?: boolean;
}

export function PasswordForm({ onDone, current, staff }: PasswordFormProps) {
  const { t } = useTranslation('security');
  const me = useMe();
  const refresh = useRefresh();
  const fields = useFields({ current: current ?? '', new: '' });
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('current', 'new')) return;
    setBusy(true);
    try {
      await call('post', '/api/v1/auth/password', { body: { current: fields.values.current, new: fields.values.new } });
      refresh('*');
      onDone();
    } catch (e) {
      fields.fail(e, { password: 'new' });
    } finally {
      setBusy(false);
    }
  };

  return (
    <form ref={fields.form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <Problem error={fields.general} />
        <input type="text" name="username" autoComplete="username" defaultValue={me.data?.name} hidden readOnly />
        {current === undefined && (
          <PasswordInput {...fields.bind('current')} label={t('password.current')} autoComplete="current-password" data-autofocus />
        )}
        <NewPassword {...fields.bind('new')} label={t('password.new')} staff={staff ?? me.data?.kind === 'staff'} names={me.data ? [me.data.name] : []} />
        <Button type="submit" loading={busy}>
          {t('password.save')}
        </Button>
      </Stack>
    </form>
  );
}
