import { Button, Group } from '@mantine/core';
import { type ApiError, asApiError, call, useMe } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { useState } from 'react';
import { say } from '../form/undo';
import { Chip } from '../show/StatusChip';
import { Card } from './Card';
import { Dialog } from '../overlay/Dialog';
import { EnrolSecondFactor } from './EnrolSecondFactor';
import { Problem } from './Problem';
import { RecoveryCodes } from './RecoveryCodes';

/** Below this many the card asks for new ones. */
const FEW = 4;

/** The authenticator app: set up, take away, recovery codes. */
export function SecondFactorCard() {
  const { t } = useTranslation('security');
  const me = useMe();
  const [enrolling, setEnrolling] = useState(false);
  const [shown, setShown] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);

  const attempt = async (act: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
    } catch (e) {
      setProblem(asApiError(e));
    } finally {
      setBusy(false);
      void me.refetch();
    }
  };
  const renew = () => attempt(async () => setCodes((await call('post', '/api/v1/auth/recovery-codes')).recovery_codes));
  const remove = () =>
    attempt(async () => {
      await call('delete', '/api/v1/auth/second-factor');
      setRemoving(false);
      say(t('totp.removed'));
    });

  const on = me.data?.second_factor ?? false;
  const left = me.data?.recovery_codes_left ?? 0;
  return (
    <Card
      title={t('totp.title')}
      text={on ? t('totp.on_text') : t('totp.off_text')}
      action={me.data && <Chip tone={on ? 'good' : 'warn'} label={on ? t('totp.on') : t('totp.off')} />}
    >
      <Problem error={removing ? null : problem} />
      <Group gap="sm">
        {me.data && !on && <Button onClick={() => setEnrolling(true)}>{t('totp.set_up')}</Button>}
        {on && (
          <>
            <Button variant={left < FEW ? 'filled' : 'default'} onClick={renew} loading={busy && !removing}>
              {t('recovery.renew')}
            </Button>
            <Button variant="subtle" color="red" onClick={() => setRemoving(true)}>
              {t('totp.remove')}
            </Button>
            <span className="qd-muted">{t('recovery.left', { count: left })}</span>
          </>
        )}
      </Group>
      <Dialog opened={enrolling} onClose={() => setEnrolling(false)} title={t('totp.set_up')} size="sm" locked={shown}>
        <EnrolSecondFactor
          onCodes={() => setShown(true)}
          onDone={() => {
            setEnrolling(false);
            setShown(false);
            void me.refetch();
            say(t('totp.added'));
          }}
        />
      </Dialog>
      <Dialog opened={codes !== null} onClose={() => setCodes(null)} title={t('recovery.title')} size="sm" locked>
        {codes && <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />}
      </Dialog>
      <Dialog opened={removing} onClose={() => setRemoving(false)} title={t('totp.remove')} size="sm">
        <p>{t('totp.remove_text')}</p>
        <Problem error={problem} />
        <Group gap="sm" mt="md" justify="flex-end">
          <Button variant="default" onClick={() => setRemoving(false)} data-autofocus>
            {t('totp.keep')}
          </Button>
          <Button color="red" onClick={remove} loading={busy}>
            {t('totp.remove')}
          </Button>
        </Group>
      </Dialog>
    </Card>
  );
}
