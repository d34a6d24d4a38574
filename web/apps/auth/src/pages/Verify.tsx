import { Button, Loader } from '@mantine/core';
import { type ApiError, asApiError, call, signedInHint } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Problem } from '@qd/ui/security';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Note, Page, Result } from '../Page';
import { leave } from '../signing';
import { link, type Where } from '../where';
import { SignIn } from './SignIn';

type State = 'trying' | 'sign_in' | 'other_login' | 'done' | 'bad' | 'failed' | 'sent';

/**
 * The link of the mail that proves an address. It counts only together with the session of the
 * login it was sent for, so that nobody proves an address with somebody else's click: whoever is
 * not signed in here signs in first, and the link is used right after.
 */
export function Verify({ where }: { where: Where }) {
  const { t } = useTranslation('auth');
  const [state, setState] = useState<State>(where.token ? 'trying' : 'bad');
  const [problem, setProblem] = useState<ApiError | null>(null);
  const started = useRef(false);

  const attempt = useCallback(async () => {
    setState('trying');
    try {
      await call('post', '/api/v1/auth/email/verify', { body: { token: where.token ?? '' } });
      history.replaceState(null, '', location.pathname);
      setState('done');
    } catch (e) {
      const error = asApiError(e);
      if (error.is('token_invalid')) setState('bad');
      else if (error.status === 401) setState('sign_in');
      else if (error.is('token_other_login')) setState('other_login');
      else {
        setProblem(error);
        setState('failed');
      }
    }
  }, [where.token]);

  useEffect(() => {
    // A link is used once: not again when React renders twice.
    if (started.current || !where.token) return;
    started.current = true;
    if (signedInHint() === 'client') void attempt();
    else setState('sign_in');
  }, [attempt, where.token]);

  const again = async () => {
    try {
      await call('post', '/api/v1/auth/email/send');
      setState('sent');
    } catch (e) {
      const error = asApiError(e);
      if (error.is('email_verified')) setState('done');
      else if (error.status === 401) leave(link({ ...where, next: '/' }, 'sign-in'));
      else {
        setProblem(error);
        setState('failed');
      }
    }
  };

  switch (state) {
    case 'trying':
      return (
        <Page title={t('verify.title')}>
          <Loader size="sm" role="status" aria-label={t('verify.title')} />
        </Page>
      );
    case 'sign_in':
    case 'other_login':
      return (
        <SignIn
          // Another account than the one before: the form begins anew.
          key={state}
          where={{ ...where, staff: false }}
          title={t('verify.title')}
          lead={t('verify.sign_in')}
          note={state === 'other_login' && <Note tone="warn">{t('verify.other_login')}</Note>}
          onDone={() => void attempt()}
        />
      );
    case 'done':
      return (
        <Result title={t('verify.done')} lead={t('verify.done_text')}>
          <Button size="md" onClick={() => leave(where.next ?? '/')}>
            {t('go_on')}
          </Button>
        </Result>
      );
    case 'sent':
      return <Result tone="info" title={t('verify.sent')} lead={t('verify.sent_text')} />;
    case 'bad':
      return (
        <Result tone="warn" title={t('link.bad')} lead={t('link.bad_verify')}>
          <Button onClick={() => void again()}>{t('verify.again')}</Button>
          <Button variant="default" onClick={() => leave('/')}>
            {t('go_on')}
          </Button>
        </Result>
      );
    default:
      return (
        <Page title={t('verify.title')}>
          <Problem error={problem} />
          <Button mt="md" onClick={() => void attempt()}>
            {t('again')}
          </Button>
        </Page>
      );
  }
}
