import { Button, Group, MultiSelect, Select, Stack, Switch, TextInput } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row, type Schema } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, DataTable, Dialog, Drawer, errorText, fieldText, focusErrors, Notice, say, showProblem, useForm, useSearchState, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useMemo, useState } from 'react';

type Postback = Schema<'Postback'>;
type Event = Postback['events'][number];
type Send = Row<'/api/v1/partner-postbacks/{id}/log'>;
const events = ['click', 'registration', 'kyc_approved', 'ftd', 'deposit', 'qualified', 'lots_daily', 'commission', 'chargeback', 'rejected'] as const;
const eventText = (e: string): string => serverText('office-engine', `event.${e}`);

/** What the partner's own systems are told: addresses, what was sent, the answers, sending again. */
export function Postbacks({ id }: { id: string }) {
  const { t } = useTranslation('office-engine');
  const [search, set] = useSearchState();
  const may = useCan('partners.manage');
  const all = useApiQuery('/api/v1/partners/{id}/postbacks', { path: { id } });
  const [adding, setAdding] = useState(false);
  const columns = useMemo<readonly Column<Postback>[]>(
    () => [
      { id: 'name', header: t('post.name'), width: 200, fixed: true, cell: (p) => <bdi>{p.name}</bdi> },
      { id: 'state', header: t('close.state'), width: 120, card: 'side', cell: (p) => <Chip tone={p.active ? 'good' : 'idle'} label={p.active ? t('post.on') : t('post.off')} /> },
      { id: 'events', header: t('post.events'), width: 300, cell: (p) => p.events.map(eventText).join(', ') },
      { id: 'url', header: t('post.url'), width: 380, cell: (p) => <bdi dir="ltr" className="qd-mono">{p.url}</bdi> },
      { id: 'changed', header: t('post.changed'), width: 160, cell: (p) => <When us={p.changed_at_us} /> },
    ],
    [t],
  );
  const open = all.data?.items.find((p) => p.id === search.peek);
  return (
    <Card title={t('post.title')} flush actions={may ? <Button size="compact-sm" onClick={() => setAdding(true)}>{t('post.add')}</Button> : undefined}>
      <DataTable id="postbacks" inline label={t('post.title')} columns={columns} rows={all.data?.items} rowId={(p) => p.id} loading={all.isPending} error={all.error} onRetry={() => void all.refetch()} onOpen={(p) => set({ peek: p.id })} opened={search.peek} empty={{ title: t('post.none'), text: t('post.noneText') }} />
      <Drawer opened={!!open} onClose={() => set({ peek: null })} size="xl" title={<bdi>{open?.name}</bdi>}>
        {open && <Log postback={open} may={may} />}
      </Drawer>
      <Add partner={id} opened={adding} onClose={() => setAdding(false)} onDone={() => void all.refetch()} />
    </Card>
  );
}

function Log({ postback, may }: { postback: Postback; may: boolean }) {
  const { t } = useTranslation('office-engine');
  const list = useCursorPages('/api/v1/partner-postbacks/{id}/log', { path: { id: postback.id }, query: { limit: 30 } });
  const test = useWrite('post', '/api/v1/partner-postbacks/{id}/test');
  const replay = useWrite('post', '/api/v1/partner-postback-sends/{id}/replay');
  const [event, setEvent] = useState<string>(postback.events[0] ?? 'ftd');
  const [failed, setFailed] = useState<unknown>(null);
  const end = (act: Promise<unknown>, done: string) => void act.then(() => { setFailed(null); say(done); void list.refetch(); }, (e: unknown) => setFailed(e));
  const columns = useMemo<readonly Column<Send>[]>(
    () => [
      { id: 'at', header: t('post.at'), width: 150, fixed: true, cell: (s) => <When us={s.last_at_us ?? s.created_at_us} /> },
      { id: 'event', header: t('post.event'), width: 170, cell: (s) => <>{eventText(s.event)} {s.test && <Chip tone="info" label={t('post.test')} />}</> },
      { id: 'state', header: t('close.state'), width: 140, card: 'side', cell: (s) => <Chip tone={s.state === 'done' ? 'good' : s.state === 'failed' ? 'bad' : s.state === 'dropped' ? 'idle' : 'wait'} label={serverText('office-engine', `send.${s.state}`)} /> },
      { id: 'status', header: t('post.answer'), width: 220, cell: (s) => <bdi dir="ltr">{s.status ?? ''} {s.error ?? s.excerpt ?? ''}</bdi> },
      { id: 'attempts', header: t('post.attempts'), width: 90, align: 'number', cell: (s) => s.attempts },
      { id: 'again', header: t('batch.act'), width: 120, cell: (s) => (may ? <Button size="compact-sm" variant="default" onClick={() => end(replay.run({ path: { id: s.id } }), t('post.queued'))}>{t('post.again')}</Button> : null) },
    ],
    // The functions of the writes are the same for as long as they live.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [t, may],
  );
  return (
    <Stack>
      <p style={{ margin: 0, overflowWrap: 'anywhere' }}><bdi dir="ltr" className="qd-mono">{postback.method.toUpperCase()} {postback.url}</bdi></p>
      {may && (
        <Group align="flex-end">
          <Select label={t('post.event')} allowDeselect={false} data={events.map((e) => ({ value: e, label: eventText(e) }))} value={event} onChange={(v) => v && setEvent(v)} />
          <Button variant="default" loading={test.busy} onClick={() => end(test.run({ path: { id: postback.id }, body: { event: event as Event } }), t('post.queued'))}>{t('post.sendTest')}</Button>
          <Button variant="subtle" onClick={() => void list.refetch()}>{t('post.refresh')}</Button>
        </Group>
      )}
      {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <Card title={t('post.log')} flush>
        <DataTable id="postback-log" inline label={t('post.log')} columns={columns} rows={list.rows} rowId={(s) => s.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} empty={{ title: t('post.silent') }} />
      </Card>
      <CopyId id={postback.id} />
    </Stack>
  );
}

function Add({ partner, opened, onClose, onDone }: { partner: string; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['office-engine', 'common']);
  const add = useWrite('post', '/api/v1/partners/{id}/postbacks');
  const macros = useApiQuery('/api/v1/postback-macros', opened ? {} : null);
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { name: '', url: '', method: 'get', events: ['registration', 'ftd'] as string[], active: true },
    validate: { name: (v) => (v.trim() ? null : fieldText('missing')), url: (v) => (v.trim() ? null : fieldText('missing')), events: (v) => (v.length > 0 ? null : fieldText('missing')) },
  });
  useEffect(() => {
    if (opened) { form.reset(); setAbove(null); }
    // The form itself is the same object for as long as the dialog lives.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [opened]);
  const send = form.onSubmit(async (v) => {
    try {
      await add.run({ path: { id: partner }, body: { name: v.name.trim(), url: v.url.trim(), method: v.method as never, events: v.events as Event[], active: v.active } });
      say(t('post.added'));
      onClose();
      onDone();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog opened={opened} onClose={onClose} size="lg" title={t('post.add')} locked={add.busy} footer={<><Button variant="default" onClick={onClose}>{t('common:cancel')}</Button><Button onClick={() => send()} loading={add.busy}>{t('post.save')}</Button></>}>
      <form onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <TextInput label={t('post.name')} required dir="auto" {...form.getInputProps('name')} />
          <TextInput label={t('post.url')} description={<bdi dir="ltr">{(macros.data?.macros ?? []).map((m) => `{${m}}`).join(' ')}</bdi>} required dir="ltr" {...form.getInputProps('url')} />
          <Select label={t('post.method')} allowDeselect={false} data={[{ value: 'get', label: 'GET' }, { value: 'post', label: 'POST, JSON, HMAC' }]} {...form.getInputProps('method')} />
          <MultiSelect label={t('post.events')} required data={events.map((e) => ({ value: e, label: eventText(e) }))} {...form.getInputProps('events')} />
          <Switch label={t('post.on')} {...form.getInputProps('active', { type: 'checkbox' })} />
        </Stack>
      </form>
    </Dialog>
  );
}
