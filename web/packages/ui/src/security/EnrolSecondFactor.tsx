import { Button, Loader, Stack, Text } from '@mantine/core';
import { type ApiError, asApiError, call } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { type FormEvent, useCallback, useEffect, useRef, useState } from 'react';
import { CopyId } from '../show/CopyId';
import { CodeInput } from './CodeInput';
import { Problem } from './Problem';
import { QrCode } from './QrCode';
import { RecoveryCodes } from './RecoveryCodes';
import classes from './security.module.css';
import { latinDigits, useFields } from './useFields';

export interface EnrolSecondFactorProps {
  /** The factor is in force and the recovery codes are kept. */
  onDone: () => void;
  /** The recovery codes are on the screen: it must not be closed by a slip. */
  onCodes?: () => void;
}

/** Scan, type the first code, keep the recovery codes. */
export function EnrolSecondFactor({ onDone, onCodes }: EnrolSecondFactorProps) {
  const { t } = useTranslation('security');
  const [secret, setSecret] = useState<{ secret: string; url: string } | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const fields = useFields({ code: '' });
  const started = useRef(false);

  const start = useCallback(async () => {
    setFailed(null);
    try {
      setSecret(await call('post', '/api/v1/auth/second-factor/enrol'));
    } catch (e) {
      setFailed(asApiError(e));
    }
  }, []);
  useEffect(() => {
    // Each start makes a new secret; a second one would void the picture just shown.
    if (started.current) return;
    started.current = true;
    void start();
  }, [start]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('code')) return;
    setBusy(true);
    try {
      const done = await call('post', '/api/v1/auth/second-factor/confirm', { body: { code: latinDigits(fields.values.code).trim() } });
      setCodes(done.recovery_codes);
      onCodes?.();
    } catch (e) {
      fields.set('code', '');
      fields.fail(e);
    } finally {
      setBusy(false);
    }
  };

  if (codes) return <RecoveryCodes codes={codes} onDone={onDone} />;
  if (failed) {
    return (
      <Stack gap="md">
        <Problem error={failed} />
        <Button variant="default" onClick={() => void start()}>
          {t('retry')}
        </Button>
      </Stack>
    );
  }
  if (!secret) return <Loader size="sm" role="status" aria-label={t('loading')} />;
  return (
    <form ref={fields.form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <Text size="sm">{t('enrol.scan')}</Text>
        <div className={classes.qr}>
          <QrCode text={secret.url} label={t('enrol.picture')} />
        </div>
        <Text size="sm" c="dimmed">
          {t('enrol.type')} <CopyId id={secret.secret} label={secret.secret.replace(/(.{4})(?=.)/g, '$1 ')} />
        </Text>
        <Problem error={fields.general} />
        <CodeInput {...fields.bind('code')} label={t('enrol.code')} inputMode="numeric" onCode={(code) => fields.set('code', code)} />
        <Button type="submit" loading={busy}>
          {t('enrol.confirm')}
        </Button>
      </Stack>
    </form>
  );
}
