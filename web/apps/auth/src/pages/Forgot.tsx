import { Anchor, Button, Stack, TextInput } from '@mantine/core';
import { call } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Problem, useFields } from '@qd/ui/security';
import { type FormEvent, useState } from 'react';
import classes from '../Frame.module.css';
import { Page, Result } from '../Page';
import { link, type Where } from '../where';

/** Asks for a link. The answer is the same for strangers: it tells nobody who has an account. */
export function Forgot({ where }: { where: Where }) {
  const { t } = useTranslation('auth');
  const fields = useFields({ email: '' });
  const [busy, setBusy] = useState(false);
  const [sentTo, setSentTo] = useState<string | null>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('email')) return;
    setBusy(true);
    try {
      const email = fields.values.email.trim();
      await call('post', '/api/v1/auth/password/forgot', { body: { email, staff: where.staff } });
      setSentTo(email);
    } catch (e) {
      fields.fail(e);
    } finally {
      setBusy(false);
    }
  };

  if (sentTo !== null) {
    return (
      <Result tone="info" title={t('forgot.sent')} lead={t('forgot.sent_text', { email: sentTo })}>
        <Button variant="default" component="a" href={link(where, 'sign-in')}>
          {t('back_to_sign_in')}
        </Button>
        <Anchor component="button" type="button" size="sm" onClick={() => setSentTo(null)}>
          {t('forgot.other')}
        </Anchor>
      </Result>
    );
  }
  return (
    <Page title={t('forgot.title')} lead={t('forgot.lead')}>
      <form ref={fields.form} onSubmit={submit} noValidate>
        <Stack gap="md">
          <Problem error={fields.general} />
          <TextInput {...fields.bind('email')} type="email" inputMode="email" autoComplete="username" autoCapitalize="none" spellCheck={false} dir="ltr" label={t('email')} autoFocus />
          <Button type="submit" size="md" loading={busy} fullWidth>
            {t('forgot.submit')}
          </Button>
        </Stack>
      </form>
      <div className={classes.links}>
        <Anchor href={link(where, 'sign-in')}>
          {t('back_to_sign_in')}
        </Anchor>
      </div>
    </Page>
  );
}
