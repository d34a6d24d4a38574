import { Button, PasswordInput, Stack } from '@mantine/core';
import { call, useMe, useRefresh } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { type FormEvent, useState } from 'react';
import { say } from '../form/undo';
import { Card } from './Card';
import { Dialog } from '../overlay/Dialog';
import { NewPassword } from './NewPassword';
import { Problem } from './Problem';
import { useFields } from './useFields';

/** Change one's own password. */
export function PasswordCard() {
  const { t } = useTranslation('security');
  const [opened, setOpened] = useState(false);
  return (
    <Card
      title={t('password.title')}
      text={t('password.others_end')}
      action={
        <Button variant="default" onClick={() => setOpened(true)}>
          {t('password.change')}
        </Button>
      }
    >
      <Dialog opened={opened} onClose={() => setOpened(false)} title={t('password.change')}>
        <PasswordForm
          onDone={() => {
            setOpened(false);
            say(t('password.changed'));
          }}
        />
      </Dialog>
    </Card>
  );
}

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
