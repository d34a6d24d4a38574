import { Button, Stack } from '@mantine/core';
import { asApiError, call } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { NewPassword, Problem, useFields } from '@qd/ui/security';
import { type FormEvent, useState } from 'react';
import { Note, Page, Result } from '../Page';
import { link, type Where } from '../where';
import { SignIn } from './SignIn';

/** The link of a reset or an invitation: a new password, then sign in with it. */
export function SetPassword({ where }: { where: Where }) {
  const { t } = useTranslation('auth');
  const invited = where.page === 'invite';
  const fields = useFields({ password: '' });
  const [busy, setBusy] = useState(false);
  const [state, setState] = useState<'open' | 'done' | 'bad'>(where.token ? 'open' : 'bad');

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('password')) return;
    setBusy(true);
    try {
      await call('post', '/api/v1/auth/password/reset', { body: { token: where.token ?? '', password: fields.values.password } });
      // The link has done its work; it need not stay in the history.
      history.replaceState(null, '', link(where, 'sign-in'));
      setState('done');
    } catch (e) {
      if (asApiError(e).is('token_invalid')) setState('bad');
      else fields.fail(e);
    } finally {
      setBusy(false);
    }
  };

  if (state === 'bad') {
    return (
      <Result tone="warn" title={t('link.bad')} lead={invited ? t('link.bad_invite') : t('link.bad_reset')}>
        {!invited && (
          <Button component="a" href={link(where, 'forgot')}>
            {t('link.new')}
          </Button>
        )}
        <Button variant="default" component="a" href={link(where, 'sign-in')}>
          {t('back_to_sign_in')}
        </Button>
      </Result>
    );
  }
  if (state === 'done') {
    return <SignIn where={{ ...where, page: 'sign-in' }} note={<Note>{t('reset.done')}</Note>} />;
  }
  return (
    <Page title={invited ? t('invite.title') : t('reset.title')} lead={invited ? t('invite.lead') : t('reset.lead')}>
      <form ref={fields.form} onSubmit={submit} noValidate>
        <Stack gap="md">
          <Problem error={fields.general} />
          <NewPassword {...fields.bind('password')} staff={where.staff} label={t('new_password')} autoFocus />
          <Button type="submit" size="md" loading={busy} fullWidth>
            {t('reset.submit')}
          </Button>
        </Stack>
      </form>
    </Page>
  );
}
