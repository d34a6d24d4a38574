import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { languageName, useTranslation } from '@qd/i18n';
import { CopyId, Disabled, Drawer, ErrorState, errorText, KeyValue, Notice, ReasonDialog, say, statusText, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useState } from 'react';
import { StaffState } from './StaffPage';

interface Props {
  id: string | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
  onEdit: (id: string) => void;
}

/** One colleague: what they may, and everything an administrator does about a sign-in. */
export function StaffPeek({ id, onClose, onPrevious, onNext, onEdit }: Props) {
  const { t, i18n } = useTranslation('office-staff');
  const may = useCan('staff.manage');
  const { me } = useSession();
  const person = useApiQuery('/api/v1/staff/{id}', id ? { path: { id } } : null);
  const invite = useWrite('post', '/api/v1/staff/{id}/invite');
  const unlock = useWrite('post', '/api/v1/staff/{id}/unlock');
  const reset = useWrite('post', '/api/v1/staff/{id}/reset-second-factor');
  const enable = useWrite('post', '/api/v1/staff/{id}/enabled');
  const [asks, setAsks] = useState<'reset' | 'enable' | 'disable' | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const s = person.data;
  const self = s !== undefined && me.id === s.id;
  const own = self ? t('notOwn') : null;
  const run = async (act: () => Promise<unknown>, done: string) => {
    try {
      await act();
      setFailed(null);
      setAsks(null);
      say(done);
      void person.refetch();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Drawer
      opened={!!id}
      onClose={onClose}
      onPrevious={onPrevious}
      onNext={onNext}
      title={<bdi>{s?.name ?? t('person')}</bdi>}
      aside={s ? <StaffState row={s} /> : undefined}
      footer={
        s && may ? (
          <Group gap="xs">
            <Disabled why={own}>
              <Button onClick={() => onEdit(s.id)}>{t('edit')}</Button>
            </Disabled>
            {s.state === 'invited' && (
              <Button variant="default" loading={invite.busy} onClick={() => void run(() => invite.run({ path: { id: s.id } }), t('done.invite'))}>
                {t('invite')}
              </Button>
            )}
            {s.locked_until_us && s.locked_until_us > Date.now() * 1000 && (
              <Button variant="default" loading={unlock.busy} onClick={() => void run(() => unlock.run({ path: { id: s.id } }), t('done.unlock'))}>
                {t('unlock')}
              </Button>
            )}
            {s.second_factor && (
              <Disabled why={own}>
                <Button variant="default" onClick={() => setAsks('reset')}>
                  {t('resetSecond')}
                </Button>
              </Disabled>
            )}
            <Disabled why={own}>
              <Button variant="default" onClick={() => setAsks(s.state === 'disabled' ? 'enable' : 'disable')}>
                {s.state === 'disabled' ? t('enable') : t('disable')}
              </Button>
            </Disabled>
          </Group>
        ) : undefined
      }
    >
      {person.error && !s ? (
        <ErrorState error={person.error} onRetry={() => void person.refetch()} />
      ) : !s ? (
        <Stack>
          <Skeleton height={20} width="50%" />
          <Skeleton height={160} />
        </Stack>
      ) : (
        <Stack>
          {failed !== null && asks === null && <Notice tone="bad">{errorText(failed)}</Notice>}
          <KeyValue
            items={[
              { label: t('col.email'), value: <bdi>{s.email}</bdi> },
              { label: t('col.roles'), value: s.roles.map((r) => statusText('role', r)).join(' · ') },
              { label: t('col.desk'), value: s.desk },
              { label: t('col.entities'), value: s.entities.includes('*') ? t('allEntities') : s.entities.join(' · ') },
              { label: t('col.language'), value: languageName(i18n.language, s.language) },
              { label: t('col.second'), value: s.second_factor ? t('yes') : t('no') },
              { label: t('col.last'), value: <When us={s.last_sign_in_at_us} as="full" /> },
              { label: t('col.since'), value: <When us={s.created_at_us} as="full" /> },
              { label: t('col.id'), value: <CopyId id={s.id} /> },
            ]}
          />
        </Stack>
      )}
      {s && (
        <ReasonDialog
          opened={asks !== null}
          onClose={() => setAsks(null)}
          title={asks ? t(`ask.${asks}.title`, { name: s.name }) : ''}
          text={asks ? t(`ask.${asks}.text`) : ''}
          confirm={asks ? t(`ask.${asks}.yes`) : ''}
          danger={asks === 'disable'}
          busy={reset.busy || enable.busy}
          error={failed}
          onConfirm={({ note }) =>
            void run(
              () => (asks === 'reset' ? reset.run({ path: { id: s.id }, body: { reason: note } }) : enable.run({ path: { id: s.id }, body: { enabled: asks === 'enable', reason: note } })),
              t('done.saved'),
            )
          }
        />
      )}
    </Drawer>
  );
}
