import { Button, Menu, Select, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Changed, CopyId, Drawer, ErrorState, errorText, KeyValue, Notice, ReasonDialog, say, StatusChip, statusText, Timeline, useShortcuts, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { IconDots, IconPointFilled } from '@tabler/icons-react';
import { useState } from 'react';
import { Due } from '../../lib/clock';
import { Facts } from '../../lib/Facts';
import { ClientLink, Named, useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { actionText } from '../audit/words';

type Open = 'note' | 'resolve' | 'dismiss' | 'assign' | 'giveBack' | null;

interface Props {
  id: string | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
}

/** One exception: why it was raised, by which rule, what was done since, and what can be done now. */
export function ExceptionPeek({ id, ...drawer }: Props) {
  const { t, i18n } = useTranslation('office-money');
  const { me } = useSession();
  const record = useApiQuery('/api/v1/exceptions/{id}', id ? { path: { id } } : null, { live: 'mark' });
  const may = useCan('exceptions.work');
  const mayJobs = useCan('jobs.retry');
  const mayMoney = useCan('deposits.manage');
  const [open, setOpen] = useState<Open>(null);
  const [to, setTo] = useState<string | null>(null);
  const touches = { touches: ['exception', 'platform_move', 'deposit'] as const };
  const assign = useWrite('post', '/api/v1/exceptions/{id}/assign');
  const note = useWrite('post', '/api/v1/exceptions/{id}/note');
  const resolve = useWrite('post', '/api/v1/exceptions/{id}/resolve');
  const dismiss = useWrite('post', '/api/v1/exceptions/{id}/dismiss');
  const retryMove = useWrite('post', '/api/v1/moves/{id}/retry', touches);
  const giveBack = useWrite('post', '/api/v1/moves/{id}/give-back', touches);
  const retryJob = useWrite('post', '/api/v1/jobs/{id}/retry', touches);
  const x = record.data?.exception;
  const log = record.data?.log ?? [];
  const colleagues = useApiQuery('/api/v1/colleagues', open === 'assign' && x ? { query: { role: x.owner_role as never, entity: x.entity ?? undefined } } : null);
  const name = useNames([x?.owner_id, x?.client_id, ...log.map((l) => l.who)]);
  const close = () => setOpen(null);
  const path = { id: id ?? '' };
  const live = x?.state === 'open';
  const move = x?.subject.startsWith('move:') ? x.subject.slice(5) : null;
  const mine = x?.owner_id === me.id;

  const attempt = async (run: () => Promise<unknown>, done: string) => {
    try {
      await run();
      close();
      say(done);
    } catch {
      // Shown in the dialog, or below for those without one.
    }
  };
  const take = () => attempt(() => assign.run({ path, body: { to: mine ? null : me.id } }), mine ? t('w.released') : t('x.taken'));
  const ready = may && live && open === null;
  const group = t('x.one');
  useShortcuts([
    { keys: 'm', label: t('claim'), group, run: () => void take(), enabled: ready },
    { keys: 'n', label: t('note'), group, run: () => setOpen('note'), enabled: ready },
    { keys: 'e', label: t('x.resolve'), group, run: () => setOpen('resolve'), enabled: ready },
  ]);
  const failed = assign.error ?? retryMove.error ?? retryJob.error;

  return (
    <Drawer
      opened={!!id}
      size="lg"
      {...drawer}
      title={x ? statusText('exception_kind', x.kind) : t('x.one')}
      aside={x && <StatusChip kind="exception" value={x.state} />}
      footer={
        may && live ? (
          <>
            <Button onClick={() => setOpen('resolve')} aria-keyshortcuts="e">
              {t('x.resolve')}
            </Button>
            <Button variant="default" loading={assign.busy} onClick={() => void take()} aria-keyshortcuts="m">
              {mine ? t('release') : t('claim')}
            </Button>
            <Menu position="top-end">
              <Menu.Target>
                <Button variant="default" px="xs" aria-label={t('more')}>
                  <IconDots size={18} aria-hidden />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => setOpen('note')}>{t('note')}</Menu.Item>
                <Menu.Item onClick={() => setOpen('assign')}>{t('x.assign')}</Menu.Item>
                <Menu.Item onClick={() => setOpen('dismiss')}>{t('x.dismiss')}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </>
        ) : undefined
      }
    >
      {record.error && !x ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : !x ? (
        <Skeleton height={240} />
      ) : (
        <>
          <Changed waiting={record.waiting} onShow={() => void record.showNew()} />
          {failed ? <Notice tone="bad">{errorText(failed)}</Notice> : null}
          <Card title={t('x.cause')}>
            <p dir="auto" style={{ margin: 0 }}>
              {x.cause}
            </p>
            <KeyValue
              items={[
                { label: t('x.subject'), value: <ObjectLink object={x.subject} /> },
                { label: t('client'), value: x.client_id ? <ClientLink id={x.client_id} name={name(x.client_id)} /> : null, optional: true },
                { label: t('x.raisedBy'), value: <bdi className="qd-mono">{x.rule}</bdi> },
                { label: t('x.role'), value: statusText('role', x.owner_role) },
                { label: t('owner'), value: x.owner_id ? <Named id={x.owner_id} name={name(x.owner_id)} /> : t('x.queueOf', { role: statusText('role', x.owner_role) }) },
                { label: t('due'), value: <Due us={x.due_at_us} done={!live} /> },
                { label: t('x.opened'), value: <When us={x.opened_at_us} as="full" /> },
                { label: t('x.last'), value: x.repeats > 0 ? <When us={x.last_at_us} as="full" /> : null, optional: true },
                { label: t('x.repeats'), value: number(i18n.language, x.repeats) },
                { label: t('x.resolution'), value: x.resolution ? <span dir="auto">{x.resolution}</span> : null, optional: true },
                { label: t('x.closed'), value: x.resolved_at_us ? <When us={x.resolved_at_us} as="full" /> : null, optional: true },
                { label: t('id'), value: <CopyId id={x.id} /> },
              ]}
            />
          </Card>
          {live && ((move && may) || (x.retry_job_id && mayJobs)) && (
            <Card title={t('x.retryTitle')}>
              <p style={{ margin: 0 }}>{move ? t('x.moveSafe') : t('x.jobSafe')}</p>
              <div style={{ display: 'flex', gap: '0.5rem', flexWrap: 'wrap' }}>
                {move && (
                  <Button loading={retryMove.busy} onClick={() => void attempt(() => retryMove.run({ path: { id: move } }), t('x.retried'))}>
                    {t('x.retry')}
                  </Button>
                )}
                {move && mayMoney && (
                  <Button variant="default" onClick={() => setOpen('giveBack')}>
                    {t('x.giveBack')}
                  </Button>
                )}
                {!move && x.retry_job_id && (
                  <Button loading={retryJob.busy} onClick={() => void attempt(() => retryJob.run({ path: { id: x.retry_job_id ?? '' } }), t('x.retried'))}>
                    {t('x.retry')}
                  </Button>
                )}
              </div>
            </Card>
          )}
          {x.detail !== null && typeof x.detail === 'object' && Object.keys(x.detail as object).length > 0 && (
            <Card title={t('x.detail')}>
              <Facts value={x.detail} />
            </Card>
          )}
          <Card title={t('history')}>
            <Timeline
              items={[...log].reverse().map((l, at) => ({
                id: `${l.at_us}-${at}`,
                at_us: l.at_us,
            icon: <IconPointFilled size={10} />,
                title: actionText(`exception.${l.what.replace(/^exception\./, '')}`),
                by: <bdi>{name(l.who) ?? t('bySystem')}</bdi>,
                body: l.note ? <span dir="auto">{l.note}</span> : null,
              }))}
            />
          </Card>
          <ReasonDialog opened={open === 'note'} onClose={close} title={t('note')} confirm={t('save')} busy={note.busy} error={note.error} onConfirm={({ note: words }) => attempt(() => note.run({ path, body: { note: words } }), t('w.noted'))} />
          <ReasonDialog opened={open === 'resolve'} onClose={close} title={t('x.resolve')} text={t('x.resolveText')} confirm={t('x.resolve')} busy={resolve.busy} error={resolve.error} onConfirm={({ note: words }) => attempt(() => resolve.run({ path, body: { note: words } }), t('x.resolved'))} />
          <ReasonDialog opened={open === 'dismiss'} onClose={close} title={t('x.dismiss')} text={t('x.dismissText')} confirm={t('x.dismiss')} busy={dismiss.busy} error={dismiss.error} onConfirm={({ note: words }) => attempt(() => dismiss.run({ path, body: { note: words } }), t('x.dismissed'))} />
          <ReasonDialog opened={open === 'giveBack'} onClose={close} title={t('x.giveBack')} text={t('x.giveBackText')} confirm={t('x.giveBack')} danger busy={giveBack.busy} error={giveBack.error} onConfirm={({ note: reason }) => move && attempt(() => giveBack.run({ path: { id: move }, body: { reason } }), t('x.givenBack'))} />
          <ReasonDialog opened={open === 'assign'} onClose={close} title={t('x.assign')} note="none" confirm={t('x.assign')} busy={assign.busy} error={assign.error} onConfirm={() => attempt(() => assign.run({ path, body: { to } }), t('x.assigned'))}>
            <Select label={t('x.toWhom')} placeholder={t('x.queueOf', { role: statusText('role', x.owner_role) })} data={(colleagues.data?.items ?? []).map((s) => ({ value: s.id, label: s.name }))} value={to} onChange={setTo} clearable searchable />
          </ReasonDialog>
        </>
      )}
    </Drawer>
  );
}
