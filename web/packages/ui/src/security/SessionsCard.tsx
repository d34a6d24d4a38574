import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { say } from '../form/undo';
import { Chip } from '../show/StatusChip';
import { When } from '../show/When';
import { ErrorState } from '../state/ErrorState';
import { Card } from './Card';
import { deviceName } from './device';
import { Problem } from './Problem';
import classes from './security.module.css';

/** Where one is signed in, and ending it there. */
export function SessionsCard() {
  const { t } = useTranslation('security');
  const sessions = useApiQuery('/api/v1/auth/sessions');
  const reload = () => void sessions.refetch();
  const end = useWrite('delete', '/api/v1/auth/sessions/{id}', { onDone: reload });
  const endOthers = useWrite('delete', '/api/v1/auth/sessions', {
    onDone: (answer) => {
      reload();
      say(t('sessions.ended', { count: answer.ended }));
    },
  });
  const items = sessions.data?.items ?? [];
  const current = sessions.data?.current;
  return (
    <Card
      title={t('sessions.title')}
      text={t('sessions.text')}
      action={
        items.length > 1 && (
          <Button variant="default" onClick={() => endOthers.submit()} loading={endOthers.busy}>
            {t('sessions.end_others')}
          </Button>
        )
      }
    >
      <Problem error={end.error ?? endOthers.error} />
      {sessions.isPending && <Skeleton height={56} />}
      {sessions.error && <ErrorState error={sessions.error} onRetry={reload} retrying={sessions.isFetching} />}
      <ul className={classes.rows}>
        {items.map((s) => (
          <li key={s.id}>
            <div className={classes.what}>
              <Device agent={s.device_label} />
              <small>
                {t('sessions.since')} <When us={s.created_at_us} /> · {t('sessions.seen')} <When us={s.last_seen_at_us} />
                {s.ip && (
                  <>
                    {' '}
                    · <bdi dir="ltr">{s.ip}</bdi>
                  </>
                )}
              </small>
            </div>
            {s.id === current ? (
              <Chip tone="good" label={t('sessions.this')} />
            ) : (
              <Button size="xs" variant="default" onClick={() => end.submit({ path: { id: s.id } })} disabled={end.busy}>
                {t('sessions.end')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Device({ agent }: { agent: string | null | undefined }) {
  const { t } = useTranslation('security');
  const known = deviceName(agent);
  return (
    <strong title={agent ?? undefined}>
      <bdi>{known ? t('device', known) : agent || t('device_unknown')}</bdi>
    </strong>
  );
}

/** Devices and tries to sign in, the failed ones included. */
export function SignInsCard() {
  const { t } = useTranslation('security');
  const list = useApiQuery('/api/v1/auth/sign-ins', { query: { limit: 20 } });
  return (
    <Card title={t('sign_ins.title')} text={t('sign_ins.text')}>
      {list.isPending && <Skeleton height={56} />}
      {list.error && <ErrorState error={list.error} onRetry={() => void list.refetch()} retrying={list.isFetching} />}
      <ul className={classes.rows}>
        {list.data?.items.map((s) => (
          <li key={s.seq}>
            <div className={classes.what}>
              <Device agent={s.agent} />
              <small>
                <When us={s.at_us} />
                {s.ip && (
                  <>
                    {' '}
                    · <bdi dir="ltr">{s.ip}</bdi>
                  </>
                )}
                {s.new_device && <> · {t('sign_ins.new_device')}</>}
              </small>
            </div>
            <Outcome value={s.outcome} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

const OUTCOMES = ['ok', 'step_up', 'step_up_failed', 'locked', 'wrong_password', 'disabled', 'code_missing', 'wrong_code'] as const;

function Outcome({ value }: { value: string }) {
  const { t } = useTranslation('security');
  const known = OUTCOMES.find((o) => o === value);
  const good = value === 'ok' || value === 'step_up';
  return <Chip tone={good ? 'good' : value === 'code_missing' ? 'idle' : 'warn'} size="sm" label={known ? t(`outcome.${known}`) : value} />;
}
