import { Anchor, Button, Group, Menu, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { languageName, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, ErrorState, errorText, KeyValue, Notice, Page, ReasonDialog, say, StatusChip, statusText, When } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Answer } from './Answer';
import { Hand } from './Hand';
import classes from './tickets.module.css';

const pages: Record<string, string> = { dep: '/deposits', wdr: '/withdrawals', trf: '/transfers', tacc: '/accounts' };

/** One conversation with everything that bears on it: whose it is, what is due, where the money is. */
export function TicketPage() {
  const { t, i18n } = useTranslation('office-tickets');
  const { id } = useParams({ strict: false }) as { id: string };
  const { me } = useSession();
  const ticket = useApiQuery('/api/v1/tickets/{id}', { path: { id } });
  const claim = useWrite('post', '/api/v1/tickets/{id}/claim');
  const release = useWrite('post', '/api/v1/tickets/{id}/release');
  const solve = useWrite('post', '/api/v1/tickets/{id}/solve');
  const close = useWrite('post', '/api/v1/tickets/{id}/close');
  const reopen = useWrite('post', '/api/v1/tickets/{id}/reopen');
  const triage = useWrite('patch', '/api/v1/tickets/{id}');
  const [asks, setAsks] = useState<'solve' | 'close' | 'reopen' | 'hand' | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const data = ticket.data;
  const row = data?.ticket;
  const run = async (act: () => Promise<unknown>, done: string) => {
    try {
      await act();
      setFailed(null);
      setAsks(null);
      say(done);
      void ticket.refetch();
    } catch (error) {
      setFailed(error);
    }
  };
  if (ticket.error && !data) return <Page title={t('ticket')}><ErrorState error={ticket.error} onRetry={() => void ticket.refetch()} /></Page>;
  if (!data || !row) return <Page title={t('ticket')}><Skeleton height={320} /></Page>;
  const mine = row.owner_id === me.id;
  const over = row.state === 'solved' || row.state === 'closed';
  const about = row.about ? pages[row.about.split('_')[0] ?? ''] : undefined;
  return (
    <Page
      title={row.subject}
      crumbs={[{ label: t('title'), to: '/tickets' }]}
      aside={
        <>
          <StatusChip kind="ticket" value={row.state} />
          {row.overdue && <Chip tone="bad" label={t('late')} />}
        </>
      }
      actions={
        data.may_work ? (
          <>
            {!row.owner_id && !over && <Button loading={claim.busy} onClick={() => void run(() => claim.run({ path: { id } }), t('done.claim'))}>{t('claim')}</Button>}
            {mine && !over && <Button variant="default" loading={release.busy} onClick={() => void run(() => release.run({ path: { id } }), t('done.release'))}>{t('release')}</Button>}
            {!over && <Button variant="default" onClick={() => setAsks('hand')}>{t('hand')}</Button>}
            {!over && <Button variant="default" onClick={() => setAsks('solve')}>{t('solve')}</Button>}
            {row.state === 'solved' && <Button variant="default" onClick={() => setAsks('close')}>{t('close')}</Button>}
            {row.state === 'solved' && <Button variant="default" onClick={() => setAsks('reopen')}>{t('reopen')}</Button>}
          </>
        ) : null
      }
    >
      {failed !== null && asks === null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <div className={classes.split}>
        <Stack>
          <ol className={classes.thread} aria-label={t('thread')}>
            {data.messages.map((m) => (
              <li key={m.id} id={m.id} className={classes.message} data-kind={m.kind}>
                <p className={classes.by}>
                  <bdi>{m.by_name}</bdi> · {t(`kind.${m.kind}`)} · <When us={m.at_us} />
                </p>
                <p className={classes.words} dir="auto">{m.body}</p>
              </li>
            ))}
          </ol>
          {data.may_work && row.state !== 'closed' && <Answer id={id} language={data.language} category={row.category} onSent={() => void ticket.refetch()} />}
        </Stack>
        <Stack>
          <Card title={t('facts')}>
            <KeyValue
              items={[
                { label: t('col.client'), value: <Anchor component={Link} to={`/clients/${row.client_id}` as never}><bdi>{row.client}</bdi></Anchor> },
                { label: t('col.language'), value: languageName(i18n.language, data.language) },
                { label: t('col.category'), value: statusText('ticket_category', row.category) },
                {
                  label: t('col.priority'),
                  value: data.may_work && !over ? (
                    <Menu position="bottom-start">
                      <Menu.Target>
                        <Button size="compact-sm" variant="default" loading={triage.busy}>{statusText('ticket_priority', row.priority)}</Button>
                      </Menu.Target>
                      <Menu.Dropdown>
                        {(['urgent', 'high', 'normal', 'low'] as const).map((priority) => (
                          <Menu.Item key={priority} onClick={() => void run(() => triage.run({ path: { id }, body: { priority, version: row.version } }), t('done.saved'))}>
                            {statusText('ticket_priority', priority)}
                          </Menu.Item>
                        ))}
                      </Menu.Dropdown>
                    </Menu>
                  ) : statusText('ticket_priority', row.priority),
                },
                { label: t('col.owner'), value: row.owner_name ? <bdi>{row.owner_name}</bdi> : t('nobody') },
                { label: t('col.desk'), value: row.desk, optional: true },
                { label: t('col.due'), value: row.due_at_us ? <When us={row.due_at_us} /> : null, optional: true },
                { label: t('col.firstReply'), value: row.first_reply_at_us ? <When us={row.first_reply_at_us} /> : t('notYet') },
                { label: t('col.handovers'), value: row.handovers },
                { label: t('col.created'), value: <When us={row.created_at_us} as="full" /> },
                { label: t('col.id'), value: <CopyId id={row.id} /> },
              ]}
            />
          </Card>
          {row.about && (
            <Card title={t('about')}>
              <Stack gap="xs">
                {data.record && <p className={classes.words} dir="auto">{Object.values(data.record).filter((v) => typeof v === 'string').join(' · ')}</p>}
                <Group gap="xs">
                  <CopyId id={row.about} />
                  {about && <Anchor component={Link} to={`${about}/${row.about}` as never}>{t('openRecord')}</Anchor>}
                </Group>
              </Stack>
            </Card>
          )}
        </Stack>
      </div>
      <ReasonDialog
        opened={asks === 'solve' || asks === 'close' || asks === 'reopen'}
        onClose={() => setAsks(null)}
        title={asks && asks !== 'hand' ? t(`ask.${asks}.title`) : ''}
        text={asks && asks !== 'hand' ? t(`ask.${asks}.text`) : ''}
        confirm={asks && asks !== 'hand' ? t(asks) : ''}
        note={asks === 'reopen' ? 'required' : 'optional'}
        busy={solve.busy || close.busy || reopen.busy}
        error={failed}
        onConfirm={({ note }) => {
          const write = asks === 'solve' ? solve : asks === 'close' ? close : reopen;
          void run(() => write.run({ path: { id }, body: { reason: note } }), t('done.saved'));
        }}
      />
      <Hand id={id} opened={asks === 'hand'} onClose={() => setAsks(null)} onDone={() => { setAsks(null); say(t('done.hand')); void ticket.refetch(); }} />
    </Page>
  );
}
