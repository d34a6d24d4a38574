import { Button, Select, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row } from '@qd/api';
import { number, serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, DataTable, Dialog, Disabled, ErrorState, errorText, KeyValue, Notice, Page, say, StatusChip, usePeek, When, type Column } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { PostbackForm } from './PostbackForm';
import { ReportPeek } from './ReportPeek';
import classes from './postbacks.module.css';

export type Send = Row<'/api/v1/me/partner/postbacks/{id}/log'>;
const idOf = (s: Send): string => s.id;

/** One postback: what it is, a test call with its answer, and all that was reported. */
export function PostbackPage() {
  const { t, i18n } = useTranslation(['partner-tools', 'partner', 'common']);
  const { id } = useParams({ strict: false }) as { id: string };
  const go = useNavigate();
  const list = useApiQuery('/api/v1/me/partner/postbacks', {});
  const log = useCursorPages('/api/v1/me/partner/postbacks/{id}/log', { path: { id }, query: { limit: 50 } }, { live: 'refetch' });
  const remove = useWrite('delete', '/api/v1/me/partner/postbacks/{id}');
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const rows = log.rows as readonly Send[];
  const ids = useMemo(() => rows.map(idOf), [rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Send>[]>(
    () => [
      { id: 'at', header: t('partner-tools:send.at'), width: 150, fixed: true, cell: (s) => <When us={s.created_at_us} /> },
      { id: 'state', header: t('partner-tools:pb.state'), width: 150, card: 'side', cell: (s) => <StatusChip kind="postback_send" value={s.state} /> },
      { id: 'event', header: t('partner-tools:send.event'), width: 320, cell: (s) => <>{serverText('partner-tools', `event.${s.event}`)}{s.test && <> <Chip size="sm" tone="info" label={t('partner-tools:send.test')} /></>}{s.replay_of && <> <Chip size="sm" tone="idle" label={t('partner-tools:send.again')} /></>}</> },
      { id: 'status', header: t('partner-tools:send.answer'), width: 170, cell: (s) => answerText(s, t('partner-tools:send.noAnswer')) },
      { id: 'attempts', header: t('partner-tools:send.attempts'), width: 110, align: 'number', cell: (s) => number(i18n.language, s.attempts) },
      { id: 'last', header: t('partner-tools:send.last'), width: 150, cell: (s) => <When us={s.last_at_us} /> },
    ],
    [t, i18n.language],
  );
  if (list.error && !list.data) return <ErrorState error={list.error} onRetry={() => void list.refetch()} page />;
  if (!list.data) return <PageSkeleton />;
  const p = list.data.items.find((x) => x.id === id);
  if (!p) return <Page title={t('partner:nav.postbacks')} crumbs={[{ label: t('partner:nav.postbacks'), to: '/postbacks' }]}><Notice tone="warn">{t('partner-tools:pb.gone')}</Notice></Page>;
  const drop = async () => {
    try {
      await remove.run({ path: { id } });
      say(t('partner-tools:pb.removed'));
      void go({ to: '/postbacks' as never });
    } catch {
      // Told below the button.
    }
  };
  return (
    <Page
      title={p.name}
      aside={<Chip tone={p.active ? 'good' : 'idle'} label={p.active ? t('partner-tools:pb.on') : t('partner-tools:pb.off')} />}
      crumbs={[{ label: t('partner:nav.postbacks'), to: '/postbacks' }]}
      actions={
        <>
          <Button onClick={() => setEditing(true)}>{t('partner-tools:pb.edit')}</Button>
          <Button variant="default" onClick={() => setRemoving(true)}>{t('partner-tools:pb.remove')}</Button>
        </>
      }
    >
      <Stack>
        <Card title={t('partner-tools:pb.about')}>
          <KeyValue
            items={[
              { label: t('partner-tools:pb.url'), value: <bdi dir="ltr" className={classes.code}>{p.url}</bdi> },
              { label: t('partner-tools:pb.method'), value: p.method === 'get' ? t('partner-tools:pb.get') : t('partner-tools:pb.post') },
              { label: t('partner-tools:pb.events'), value: p.events.map((e) => serverText('partner-tools', `event.${e}`)).join(' · ') },
              { label: t('partner-tools:pb.amounts'), value: serverText('partner-tools', `amounts.${p.amounts}`) },
              { label: t('partner-tools:pb.changed'), value: <When us={p.changed_at_us} as="full" /> },
            ]}
          />
          {p.method === 'post' && <SigningSecret id={p.id} />}
        </Card>
        <Card title={t('partner-tools:test.title')}>
          <TestCall id={id} events={p.events} active={p.active} onSent={() => void log.refetch()} />
        </Card>
        <Card title={t('partner-tools:send.title')} flush>
          <DataTable
            id="postback-log"
            inline
            label={t('partner-tools:send.title')}
            columns={columns}
            rows={rows}
            rowId={idOf}
            loading={log.isPending}
            error={log.error}
            onRetry={() => void log.refetch()}
            more={log.more}
            hasMore={log.hasMore}
            loadingMore={log.loadingMore}
            onOpen={(s) => peek.open(s.id)}
            opened={peek.id}
            empty={{ title: t('partner-tools:send.none'), text: t('partner-tools:send.noneText') }}
          />
        </Card>
      </Stack>
      <ReportPeek id={peek.id ?? null} active={p.active} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} onReplayed={() => void log.refetch()} />
      <PostbackForm of={p} opened={editing} onClose={() => setEditing(false)} onSaved={() => { setEditing(false); void list.refetch(); }} />
      <Dialog
        opened={removing}
        onClose={() => setRemoving(false)}
        size="sm"
        title={t('partner-tools:pb.removeTitle')}
        locked={remove.busy}
        footer={
          <>
            <Button variant="default" onClick={() => setRemoving(false)}>{t('common:cancel')}</Button>
            <Button color="red" loading={remove.busy} onClick={() => void drop()}>{t('partner-tools:pb.remove')}</Button>
          </>
        }
      >
        <p>{t('partner-tools:pb.removeText')}</p>
        {remove.error && <Notice tone="bad">{errorText(remove.error)}</Notice>}
      </Dialog>
    </Page>
  );
}

export function answerText(s: Pick<Send, 'status' | 'error'>, none: string) {
  if (s.status) return <bdi dir="ltr">HTTP {s.status}</bdi>;
  return s.error ? <bdi dir="auto">{s.error}</bdi> : <span className="qd-muted">{none}</span>;
}

/** Sends a made-up report and shows what came back. */
function TestCall({ id, events, active, onSent }: { id: string; events: readonly Send['event'][]; active: boolean; onSent: () => void }) {
  const { t, i18n } = useTranslation('partner-tools');
  const test = useWrite('post', '/api/v1/me/partner/postbacks/{id}/test');
  const [event, setEvent] = useState<Send['event']>(events[0] ?? 'registration');
  const [sent, setSent] = useState<string | null>(null);
  const report = useApiQuery('/api/v1/me/partner/postback-sends/{id}', sent ? { path: { id: sent } } : null, {
    refetchInterval: (q) => (q.state.data?.send.state === 'waiting' || !q.state.data ? 700 : false),
  });
  const call = async () => {
    setSent(null);
    try {
      const done = await test.run({ path: { id }, body: { event } });
      setSent(done.id);
      onSent();
    } catch {
      // Told below.
    }
  };
  const s = report.data?.send;
  const last = report.data?.tries.at(-1);
  // The list below shows the same report: it follows as soon as there is an answer.
  const state = s?.state;
  const told = useRef(onSent);
  told.current = onSent;
  useEffect(() => {
    if (state && state !== 'waiting') told.current();
  }, [state]);
  return (
    <Stack gap="sm">
      <div className={classes.row}>
        <Select label={t('send.event')} allowDeselect={false} data={events.map((e) => ({ value: e, label: serverText('partner-tools', `event.${e}`) }))} value={event} onChange={(e) => setEvent((e ?? event) as Send['event'])} />
        <Disabled why={active ? null : t('test.off')}>
          <Button variant="default" loading={test.busy} onClick={() => void call()}>{t('test.send')}</Button>
        </Disabled>
      </div>
      <p className="qd-muted">{t('test.text')}</p>
      {test.error && <Notice tone="bad">{errorText(test.error)}</Notice>}
      {sent && (
        <div role="status">
          {!s || s.state === 'waiting' ? (
            s && s.attempts > 0 ? (
              <Notice tone="warn" title={t('test.retry')}>{answerText(s, t('send.noAnswer'))}</Notice>
            ) : (
              <p>{t('test.waiting')}</p>
            )
          ) : (
            <Notice tone={s.state === 'done' ? 'good' : 'bad'} title={s.state === 'done' ? t('test.taken') : t('test.refused')}>
              {answerText(s, t('send.noAnswer'))}
              {last && <> · {t('test.ms', { ms: number(i18n.language, last.ms) })}</>}
            </Notice>
          )}
          {s?.url && <p className={classes.code}><bdi dir="ltr">{s.url}</bdi></p>}
          {s?.excerpt && <pre className={classes.answer} dir="ltr" tabIndex={0} aria-label={t('send.answer')}>{s.excerpt}</pre>}
        </div>
      )}
    </Stack>
  );
}

/** Signs what is posted; shown on request only. */
function SigningSecret({ id }: { id: string }) {
  const { t } = useTranslation('partner-tools');
  const [shown, setShown] = useState(false);
  const secret = useApiQuery('/api/v1/me/partner/postbacks/{id}/secret', shown ? { path: { id } } : null, { staleTime: 0, gcTime: 0 });
  const fresh = useWrite('post', '/api/v1/me/partner/postbacks/{id}/secret');
  return (
    <div className={classes.row}>
      {secret.data ? <CopyId id={secret.data.secret} label={secret.data.secret} full /> : <Button variant="default" size="compact-sm" loading={shown && secret.isPending} onClick={() => setShown(true)}>{t('secret.show')}</Button>}
      {secret.data && (
        <Button variant="default" size="compact-sm" loading={fresh.busy} onClick={() => void fresh.run({ path: { id } }).then(() => { say(t('secret.made')); void secret.refetch(); }, () => {})}>
          {t('secret.fresh')}
        </Button>
      )}
      {(secret.error ?? fresh.error) && <Notice tone="bad">{errorText(secret.error ?? fresh.error)}</Notice>}
    </div>
  );
}
