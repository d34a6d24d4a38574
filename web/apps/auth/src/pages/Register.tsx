import { Alert, Anchor, Button, Checkbox, NativeSelect, Stack, TextInput } from '@mantine/core';
import { asApiError, type Boot, call, fieldErrors, Intent, useBoot } from '@qd/api';
import { country as countryName, useTranslation } from '@qd/i18n';
import { latinDigits, NewPassword, Problem, useFields } from '@qd/ui/security';
import { ErrorState } from '@qd/ui';
import { type FormEvent, useMemo, useRef, useState } from 'react';
import { rememberCame } from '../came';
import { legalName } from '../Frame';
import classes from '../Frame.module.css';
import { Page, Result } from '../Page';
import { leave, signIn } from '../signing';
import { home, link, type Where } from '../where';

/** Fields of the first step; a problem with one of them leads back there. */
const FIRST = ['country', 'email', 'password'] as const;

export function Register({ where }: { where: Where }) {
  const { t } = useTranslation('auth');
  const boot = useBoot();
  if (boot.error) return <ErrorState error={boot.error} onRetry={() => void boot.refetch()} retrying={boot.isFetching} />;
  // The page's skeleton stands until then.
  if (!boot.data) return <Page title={t('register.title')} />;
  return <Form where={where} boot={boot.data} />;
}

function Form({ where, boot }: { where: Where; boot: Boot }) {
  const { t, i18n } = useTranslation('auth');
  const lang = i18n.language;
  const [came] = useState(() => rememberCame(where, document.referrer, lang));
  const served = useMemo(
    () =>
      boot.countries
        .filter((c) => c.served)
        .map((c) => ({ value: c.code, label: countryName(lang, c.code) }))
        .sort((a, b) => a.label.localeCompare(b.label, lang)),
    [boot.countries, lang],
  );
  const guess = [boot.country, regionOf(navigator.language)].find((code) => code && served.some((c) => c.value === code)) ?? '';
  const fields = useFields({
    country: guess,
    email: '',
    password: '',
    first_name: '',
    last_name: '',
    phone: '',
    terms: false,
    marketing: false,
  });
  const intent = useRef(new Intent());
  const [step, setStep] = useState<1 | 2>(1);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<{ signedIn: boolean } | null>(null);
  // A notice to read is no consent: the risk warning stands on every page.
  const asked = boot.texts.filter((text) => text.use === 'terms' || text.use === 'privacy');
  const v = fields.values;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (step === 1) {
      if (!fields.filled(...FIRST)) return;
      if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(v.email.trim())) return fields.mark({ email: 'email_malformed' });
      setStep(2);
      fields.focus('first_name');
      return;
    }
    if (!fields.filled('first_name', 'last_name', ...(asked.length > 0 ? (['terms'] as const) : []))) return;
    setBusy(true);
    const body = {
      brand: boot.brand.code,
      email: v.email.trim(),
      password: v.password,
      first_name: v.first_name.trim(),
      last_name: v.last_name.trim(),
      country: v.country,
      language: lang,
      ...(v.phone.trim() ? { phone: latinDigits(v.phone).trim() } : {}),
      came,
      consents: [
        ...asked.map((text) => ({ kind: text.use, version: text.version, given: true })),
        { kind: 'marketing', version: asked[0]?.version ?? '1', given: v.marketing },
      ],
    };
    try {
      await call('post', '/api/v1/register', { body }, { idempotencyKey: intent.current.keyFor(body) });
      intent.current.settled();
      setDone({ signedIn: await enter() });
    } catch (e) {
      const error = asApiError(e);
      const wrong = Object.keys(fieldErrors(error, Object.keys(v)).fields);
      if (wrong.some((f) => (FIRST as readonly string[]).includes(f))) setStep(1);
      fields.fail(error, { '/consents': 'terms' });
    } finally {
      setBusy(false);
    }
  };

  /** Registered is registered: if signing in fails now, the door is next. */
  const enter = async (): Promise<boolean> => {
    try {
      await signIn(false, { email: v.email, password: v.password });
      return true;
    } catch {
      return false;
    }
  };

  if (done) {
    return (
      <Result tone="info" title={t('register.done')} lead={t('register.done_text', { email: v.email.trim() })}>
        <Button size="md" onClick={() => leave(done.signedIn ? (where.next ?? home(where)) : link(where, 'sign-in'))}>
          {done.signedIn ? t('register.go_on') : t('sign_in.submit')}
        </Button>
      </Result>
    );
  }

  return (
    <Page title={t('register.title')} lead={step === 1 ? t('register.lead') : t('register.lead_two')}>
      <ol className={classes.steps} aria-label={t('register.step', { step, of: 2 })}>
        <li data-on />
        <li data-on={step === 2 || undefined} />
      </ol>
      <form ref={fields.form} onSubmit={submit} noValidate>
        <Stack gap="md">
          <Problem error={fields.general} />
          {came.partner_code && step === 1 && (
            <Alert variant="light" p="xs">
              {t('register.partner', { code: came.partner_code })}
            </Alert>
          )}
          {step === 1 ? (
            <>
              <NativeSelect
                {...fields.bind('country')}
                label={t('register.country')}
                autoComplete="country"
                size="md"
                data={[...(guess ? [] : [{ value: '', label: t('register.choose') }]), ...served]}
              />
              <TextInput {...fields.bind('email')} type="email" inputMode="email" autoComplete="username" autoCapitalize="none" spellCheck={false} dir="ltr" size="md" label={t('email')} />
              <NewPassword {...fields.bind('password')} staff={false} names={[v.email]} size="md" label={t('register.password')} />
              <Button type="submit" size="md" fullWidth>
                {t('register.next')}
              </Button>
            </>
          ) : (
            <>
              <div className={classes.two}>
                <TextInput {...fields.bind('first_name')} autoComplete="given-name" dir="auto" size="md" label={t('register.first_name')} />
                <TextInput {...fields.bind('last_name')} autoComplete="family-name" dir="auto" size="md" label={t('register.last_name')} />
              </div>
              <TextInput {...fields.bind('phone')} type="tel" inputMode="tel" autoComplete="tel" dir="ltr" size="md" label={t('register.phone')} description={t('register.phone_text')} />
              {asked.length > 0 && (
                <Checkbox
                  {...fields.tick('terms')}
                  label={
                    <Linked
                      text={t(asked.length > 1 ? 'register.agree_both' : 'register.agree_one')}
                      parts={{ first: asked[0], second: asked[1] }}
                    />
                  }
                />
              )}
              <Checkbox {...fields.tick('marketing')} label={t('register.marketing')} />
              <Button type="submit" size="md" loading={busy} fullWidth>
                {t('register.submit')}
              </Button>
              <Button variant="subtle" color="gray" onClick={() => setStep(1)} fullWidth>
                {t('back')}
              </Button>
            </>
          )}
        </Stack>
      </form>
      <div className={classes.links}>
        <Anchor href={link(where, 'sign-in')}>
          {t('register.have')}
        </Anchor>
      </div>
    </Page>
  );
}

/** `de-AT` was set up by somebody in Austria, most likely. */
function regionOf(tag: string): string | undefined {
  try {
    return new Intl.Locale(tag).region;
  } catch {
    return undefined;
  }
}

/** `I accept the <first> and the <second>`, with links in the places of the names. */
function Linked({ text, parts }: { text: string; parts: Record<string, Boot['texts'][number] | undefined> }) {
  const { t, i18n } = useTranslation('auth');
  return text.split(/<(\w+)>/).map((piece, n) => {
    const legal = n % 2 === 1 ? parts[piece] : undefined;
    if (n % 2 === 0) return piece;
    return legal ? (
      <Anchor key={piece} href={`${legal.url}?lang=${i18n.language}`} target="_blank" rel="noopener" className={classes.inline} inherit>
        {legalName(t, legal.use)}
      </Anchor>
    ) : null;
  });
}
