import { Button, Stack, TextInput } from '@mantine/core';
import { call, useMe, useRefresh, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { type FormEvent, useState } from 'react';
import { say } from '../form/undo';
import { Chip } from '../show/StatusChip';
import { Card } from './Card';
import { Dialog } from '../overlay/Dialog';
import { Problem } from './Problem';
import { useFields } from './useFields';

/** A client's address: proven or not, send the link again, another address. */
export function EmailCard() {
  const { t } = useTranslation('security');
  const me = useMe();
  const [opened, setOpened] = useState(false);
  const again = useWrite('post', '/api/v1/auth/email/send', {
    touches: ['client'],
    onDone: () => say(t('email.sent')),
  });
  if (me.data?.kind !== 'client') return null;
  const proven = me.data.email_verified ?? false;
  return (
    <Card
      title={t('email.title')}
      text={proven ? t('email.proven_text') : t('email.open_text')}
      action={<Chip tone={proven ? 'good' : 'warn'} label={proven ? t('email.proven') : t('email.open')} />}
    >
      <Problem error={again.error} />
      {!proven && (
        <Button me="sm" onClick={() => again.submit()} loading={again.busy}>
          {t('email.send_again')}
        </Button>
      )}
      <Button variant="default" onClick={() => setOpened(true)}>
        {t('email.change')}
      </Button>
      <Dialog opened={opened} onClose={() => setOpened(false)} title={t('email.change')} size="sm">
        <EmailForm
          onDone={() => {
            setOpened(false);
            say(t('email.sent'));
          }}
        />
      </Dialog>
    </Card>
  );
}

function EmailForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation('security');
  const refresh = useRefresh();
  const fields = useFields({ email: '' });
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('email')) return;
    setBusy(true);
    try {
      await call('post', '/api/v1/auth/email', { body: { email: fields.values.email.trim() } });
      refresh('client');
      onDone();
    } catch (e) {
      fields.fail(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form ref={fields.form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <Problem error={fields.general} />
        <TextInput {...fields.bind('email')} type="email" inputMode="email" autoComplete="email" dir="ltr" label={t('email.new')} description={t('email.new_text')} data-autofocus />
        <Button type="submit" loading={busy}>
          {t('email.save')}
        </Button>
      </Stack>
    </form>
  );
}
