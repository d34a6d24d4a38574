import { Anchor, Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { asApiError, mustSecure, signedInHint, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CodeInput, latinDigits, passkeyError, passkeysPossible, Problem, useFields } from '@qd/ui/security';
import { IconFingerprint } from '@tabler/icons-react';
import { type FormEvent, lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import classes from '../Frame.module.css';
import { Page } from '../Page';
import { leave, type SignedIn, signIn, signInByPasskey } from '../signing';
import { usePasskeyOffer } from '../offer';
import { home, link, type Where } from '../where';

// Once in a person's life here.
const Secure = lazy(() => import('./Secure'));

type Step = { at: 'credentials' } | { at: 'code' } | { at: 'password'; current: string | undefined; enrol: boolean } | { at: 'enrol' };

interface SignInProps {
  where: Where;
  /** What became of the step before: "password changed". */
  note?: ReactNode;
  title?: string;
  lead?: ReactNode;
  /** Instead of going to the portal. */
  onDone?: () => void;
}

export function SignIn({ where, note, title, lead, onDone }: SignInProps) {
  const { staff } = where;
  const [step, setStep] = useState<Step>({ at: 'credentials' });
  const go = () => (onDone ? onDone() : leave(where.next ?? home(where)));

  // Somebody who comes back with an open session need not sign in again.
  const hint = signedInHint();
  const ask = hint === (staff ? 'staff' : 'client') && !onDone;
  const me = useApiQuery('/api/v1/auth/me', undefined, { enabled: ask && step.at === 'credentials', retry: false });
  const known = me.data && (me.data.kind === 'staff') === staff ? me.data : null;
  const begun: Step['at'] | 'in' | null = !known ? null : !mustSecure(known) ? 'in' : known.must_change_password ? 'password' : 'enrol';
  const arrive = useRef(go);
  arrive.current = go;
  useEffect(() => {
    if (begun === 'in') arrive.current();
    else if (begun === 'password') setStep({ at: 'password', current: undefined, enrol: known?.second_factor === false });
    else if (begun === 'enrol') setStep({ at: 'enrol' });
  }, [begun, known?.second_factor]);

  const signedIn = (done: SignedIn, password?: string) => {
    if (done.must_change_password) setStep({ at: 'password', current: password, enrol: done.must_enrol_second_factor });
    else if (done.must_enrol_second_factor) setStep({ at: 'enrol' });
    else go();
  };

  if (step.at === 'password' || step.at === 'enrol') {
    return (
      <Suspense fallback={null}>
        <Secure step={step.at} current={step.at === 'password' ? step.current : undefined} staff={staff} onDone={() => (step.at === 'password' && step.enrol ? setStep({ at: 'enrol' }) : go())} />
      </Suspense>
    );
  }
  return (
    <Credentials where={where} title={title} lead={lead} note={note} code={step.at === 'code'} onCode={(on) => setStep({ at: on ? 'code' : 'credentials' })} onSignedIn={signedIn} />
  );
}

interface CredentialsProps extends Pick<SignInProps, 'where' | 'title' | 'lead' | 'note'> {
  code: boolean;
  onCode: (on: boolean) => void;
  onSignedIn: (done: SignedIn, password?: string) => void;
}

function Credentials({ where, title, lead, note, code, onCode, onSignedIn }: CredentialsProps) {
  const { t } = useTranslation('auth');
  const fields = useFields({ email: '', password: '', code: '' });
  const [busy, setBusy] = useState<'passkey' | 'form' | null>(null);
  const offer = usePasskeyOffer(where.staff, !code && busy === null, onSignedIn, (e) => fields.fail(passkeyError(e)));

  const withPasskey = async () => {
    if (busy) return;
    // The browser answers one request at a time.
    offer.end();
    fields.clear();
    setBusy('passkey');
    try {
      onSignedIn(await signInByPasskey(where.staff));
    } catch (e) {
      fields.fail(passkeyError(e));
    } finally {
      setBusy(null);
    }
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('email', 'password', ...(code ? (['code'] as const) : []))) return;
    setBusy('form');
    const { email, password } = fields.values;
    try {
      const done = await signIn(where.staff, { email, password, ...(code ? { code: latinDigits(fields.values.code).trim() } : {}) });
      onSignedIn(done, password);
    } catch (e) {
      const error = asApiError(e);
      if (error.is('second_factor_required')) {
        fields.clear();
        onCode(true);
        fields.focus('code');
      } else if (error.is('second_factor_wrong')) {
        fields.set('code', '');
        fields.mark({ code: 'second_factor_wrong' });
      } else {
        fields.fail(error);
        if (error.is('sign_in_failed')) {
          onCode(false);
          fields.focus('password');
        }
      }
    } finally {
      setBusy(null);
    }
  };

  return (
    <Page
      title={code ? t('code.title') : (title ?? (where.staff ? t('sign_in.title_staff') : where.partner ? t('sign_in.title_partner') : t('sign_in.title')))}
      lead={code ? t('code.lead') : lead}
    >
      {!code && note}
      <form ref={fields.form} onSubmit={submit} noValidate>
        <Stack gap="md">
          <Problem error={fields.general} />
          {/* Kept in the page in the second step: password managers save what they saw. */}
          <TextInput
            {...fields.bind('email')}
            type="email"
            inputMode="email"
            autoComplete="username webauthn"
            autoCapitalize="none"
            spellCheck={false}
            dir="ltr"
            label={t('email')}
            display={code ? 'none' : undefined}
            autoFocus={!code}
          />
          <PasswordInput {...fields.bind('password')} autoComplete="current-password" label={t('password')} display={code ? 'none' : undefined} />
          {code && (
            <CodeInput {...fields.bind('code')} label={t('code.label')} description={t('code.or_recovery')} autoFocus onCode={(v) => fields.set('code', v)} />
          )}
          <Button type="submit" size="md" loading={busy === 'form'} disabled={busy === 'passkey'} fullWidth>
            {code ? t('code.submit') : t('sign_in.submit')}
          </Button>
          {!code && passkeysPossible() && (
            <Button variant="default" size="md" leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => void withPasskey()} loading={busy === 'passkey'} disabled={busy === 'form'} fullWidth>
              {t('sign_in.passkey')}
            </Button>
          )}
          {code && (
            <Button variant="subtle" color="gray" onClick={() => onCode(false)} fullWidth>
              {t('code.back')}
            </Button>
          )}
        </Stack>
      </form>
      {!code && (
        <div className={classes.links}>
          <Anchor href={link(where, 'forgot')}>
            {t('sign_in.forgot')}
          </Anchor>
          {!where.staff && (
            <Anchor href={link(where, 'register')}>
              {t('sign_in.register')}
            </Anchor>
          )}
        </div>
      )}
    </Page>
  );
}
