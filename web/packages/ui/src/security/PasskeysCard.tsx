import { Button, Group, Skeleton, Stack, TextInput } from '@mantine/core';
import { type Answer, type ApiError, call, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { type FormEvent, useState } from 'react';
import { say } from '../form/undo';
import { Dialog } from '../overlay/Dialog';
import { Chip } from '../show/StatusChip';
import { When } from '../show/When';
import { ErrorState } from '../state/ErrorState';
import { Notice } from '../state/Notice';
import { Card } from './Card';
import { deviceName } from './device';
import { addPasskey, passkeyError, passkeysPossible } from './passkey';
import { Problem } from './Problem';
import classes from './security.module.css';
import { useFields } from './useFields';

type Passkey = Answer<'get', '/api/v1/auth/passkeys'>['items'][number];

/** As the server allows for one person. */
const MOST = 20;

/** One's own passkeys: add, name, take away. */
export function PasskeysCard() {
  const { t } = useTranslation('security');
  const list = useApiQuery('/api/v1/auth/passkeys');
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Passkey | null>(null);
  const items = list.data?.items ?? [];
  const possible = passkeysPossible();
  return (
    <Card
      title={t('passkey.title')}
      text={t('passkey.text')}
      action={
        possible &&
        items.length < MOST && (
          <Button variant="default" onClick={() => setAdding(true)}>
            {t('passkey.add')}
          </Button>
        )
      }
    >
      {!possible && <Notice>{t('passkey.not_here')}</Notice>}
      {items.length >= MOST && <Notice>{t('passkey.most', { count: MOST })}</Notice>}
      {list.isPending && <Skeleton height={40} />}
      {list.error && <ErrorState error={list.error} onRetry={() => void list.refetch()} retrying={list.isFetching} />}
      {list.data && items.length === 0 && possible && <p className="qd-muted">{t('passkey.none')}</p>}
      <ul className={classes.rows}>
        {items.map((p) => (
          <li key={p.id}>
            <div className={classes.what}>
              <strong dir="auto">
                <bdi>{p.name}</bdi>
              </strong>
              <small>
                {t('passkey.made')} <When us={p.created_at_us} /> · {p.last_used_at_us ? t('passkey.used') : t('passkey.never')}
                {p.last_used_at_us && (
                  <>
                    {' '}
                    <When us={p.last_used_at_us} />
                  </>
                )}
              </small>
            </div>
            <Group gap="sm">
              {p.synced && <Chip tone="info" size="sm" label={t('passkey.synced')} />}
              <Button size="xs" variant="default" aria-label={t('passkey.remove_named', { name: p.name })} onClick={() => setRemoving(p)}>
                {t('passkey.remove')}
              </Button>
            </Group>
          </li>
        ))}
      </ul>
      <Dialog opened={adding} onClose={() => setAdding(false)} title={t('passkey.add')} size="sm">
        <AddForm
          taken={items.map((p) => p.name)}
          onDone={() => {
            setAdding(false);
            void list.refetch();
            say(t('passkey.added'));
          }}
        />
      </Dialog>
      <Dialog opened={removing !== null} onClose={() => setRemoving(null)} title={t('passkey.remove_title')} size="sm">
        {removing && (
          <Remove
            passkey={removing}
            onKeep={() => setRemoving(null)}
            onDone={() => {
              setRemoving(null);
              void list.refetch();
              say(t('passkey.removed'));
            }}
          />
        )}
      </Dialog>
    </Card>
  );
}

/** "Chrome on Linux", and with a number where that is taken: most people keep it. */
function useProposal(taken: readonly string[]): string {
  const { t } = useTranslation('security');
  const device = deviceName(navigator.userAgent);
  const plain = device ? t('device', device) : t('passkey.title');
  if (!taken.includes(plain)) return plain;
  for (let n = 2; ; n++) if (!taken.includes(`${plain} ${n}`)) return `${plain} ${n}`;
}

function AddForm({ taken, onDone }: { taken: readonly string[]; onDone: () => void }) {
  const { t } = useTranslation('security');
  const fields = useFields({ name: useProposal(taken) });
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !fields.filled('name')) return;
    setBusy(true);
    try {
      await addPasskey(fields.values.name.trim());
      onDone();
    } catch (e) {
      fields.fail(passkeyError(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form ref={fields.form} onSubmit={submit} noValidate>
      <Stack gap="md">
        <Problem error={fields.general} />
        <TextInput {...fields.bind('name')} label={t('passkey.name')} description={t('passkey.name_text')} maxLength={60} dir="auto" data-autofocus />
        <Button type="submit" loading={busy}>
          {t('passkey.go_on')}
        </Button>
      </Stack>
    </form>
  );
}

function Remove({ passkey, onKeep, onDone }: { passkey: Passkey; onKeep: () => void; onDone: () => void }) {
  const { t } = useTranslation('security');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const remove = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await call('delete', '/api/v1/auth/passkeys/{id}', { path: { id: passkey.id } });
      onDone();
    } catch (e) {
      const error = passkeyError(e);
      // Gone already, in another window.
      if (error.status === 404) onDone();
      else setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <p>{t('passkey.remove_text', { name: passkey.name })}</p>
      <Problem error={problem} />
      <Group gap="sm" mt="md" justify="flex-end">
        <Button variant="default" onClick={onKeep} data-autofocus>
          {t('passkey.keep')}
        </Button>
        <Button color="red" onClick={() => void remove()} loading={busy}>
          {t('passkey.remove')}
        </Button>
      </Group>
    </>
  );
}
