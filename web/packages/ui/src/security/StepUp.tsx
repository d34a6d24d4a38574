import { Button, PasswordInput, Stack, Text } from '@mantine/core';
import { asApiError, call, useApiQuery, useMe, useStepUpHandler } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { IconFingerprint } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, Suspense, useCallback, useRef, useState } from 'react';
import { CodeInput } from './CodeInput';
import { passkeyError, passkeysPossible, proveWithPasskey } from './passkey';
import { Dialog } from '../overlay/Dialog';
import { Problem } from './Problem';
import { latinDigits, useFields } from './useFields';

/**
 * Put it once round a signed-in app. A request that needs a fresh proof opens the dialog and is
 * sent again, with the same idempotency key, when the proof was accepted.
 */
export function StepUpProvider({ children }: { children: ReactNode }) {
  const answer = useRef<((good: boolean) => void) | null>(null);
  const [opened, setOpened] = useState(false);
  const ask = useCallback(
    () =>
      new Promise<boolean>((resolve) => {
        answer.current = resolve;
        setOpened(true);
      }),
    [],
  );
  useStepUpHandler(ask);
  const close = useCallback((good: boolean) => {
    setOpened(false);
    answer.current?.(good);
    answer.current = null;
  }, []);
  return (
    <>
      {children}
      {/* Its texts are loaded when it is needed: the app behind must not wait for them. */}
      {opened && (
        <Suspense>
          <StepUpDialog opened onDone={() => close(true)} onClose={() => close(false)} />
        </Suspense>
      )}
    </>
  );
}

export interface StepUpDialogProps {
  opened: boolean;
  onDone: () => void;
  onClose: () => void;
}

export function StepUpDialog({ opened, onDone, onClose }: StepUpDialogProps) {
  const { t } = useTranslation('security');
  return (
    <Dialog opened={opened} onClose={onClose} title={t('step_up.title')} size="sm">
      <StepUpForm onDone={onDone} onClose={onClose} />
    </Dialog>
  );
}

function StepUpForm({ onDone, onClose }: Omit<StepUpDialogProps, 'opened'>) {
  const { t } = useTranslation('security');
  const me = useMe();
  const withCode = me.data?.second_factor ?? false;
  const fields = useFields({ password: '', code: '' });
  const [busy, setBusy] = useState<'passkey' | 'form' | null>(null);
  // Asked only where one could be used.
  const passkeys = useApiQuery('/api/v1/auth/passkeys', undefined, { enabled: passkeysPossible(), retry: false });
  const hasPasskey = (passkeys.data?.items.length ?? 0) > 0;

  const prove = async () => {
    if (busy) return;
    fields.clear();
    setBusy('passkey');
    try {
      await proveWithPasskey();
      onDone();
    } catch (e) {
      fields.fail(passkeyError(e));
    } finally {
      setBusy(null);
    }
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled(withCode ? 'code' : 'password')) return;
    setBusy('form');
    try {
      const { code, password } = fields.values;
      await call('post', '/api/v1/auth/step-up', { body: withCode ? { code: latinDigits(code).trim() } : { password } });
      onDone();
    } catch (e) {
      const error = asApiError(e);
      // The state of the second factor may have changed on another device.
      if (error.is('code_missing', 'password_missing')) void me.refetch();
      fields.set(withCode ? 'code' : 'password', '');
      fields.fail(error);
    } finally {
      setBusy(null);
    }
  };

  return (
    <form ref={fields.form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t('step_up.why')}
        </Text>
        <Problem error={fields.general} />
        {hasPasskey && (
          <Button variant="default" leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => void prove()} loading={busy === 'passkey'} disabled={busy === 'form'} fullWidth>
            {t('passkey.use')}
          </Button>
        )}
        {/* Password managers need to know whose password they are to fill in. */}
        <input type="text" name="username" autoComplete="username" defaultValue={me.data?.name} hidden readOnly />
        {withCode ? (
          <CodeInput {...fields.bind('code')} label={t('code.label')} description={t('code.or_recovery')} data-autofocus onCode={(code) => fields.set('code', code)} />
        ) : (
          <PasswordInput {...fields.bind('password')} label={t('password.yours')} autoComplete="current-password" data-autofocus />
        )}
        <Button type="submit" loading={busy === 'form'} disabled={busy === 'passkey'} fullWidth>
          {t('step_up.confirm')}
        </Button>
        <Button variant="subtle" color="gray" onClick={onClose} fullWidth>
          {t('step_up.cancel')}
        </Button>
      </Stack>
    </form>
  );
}
