import { Button, Checkbox, Group, Menu, NumberInput, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { dayStartUs, Dialog, errorText, fieldText, focusErrors, FormDialog, Notice, say, showProblem, statusText, useForm, Value } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { IconDots } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import type { ClientRecord } from './Overview';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

export type TalkDialog = 'call' | 'note' | 'task' | 'restrict' | 'stage' | 'aml' | 'assign' | 'ticket' | null;
interface Props {
  id: string;
  c: ClientRecord['client'];
  open: TalkDialog;
  onOpen: (dialog: TalkDialog) => void;
  onDone: () => void;
}

/** Call, note, task and stage: what agents do all day, without leaving the record. */
export function Talk({ id, c, open, onOpen, onDone }: Props) {
  const { t } = useTranslation('office-record');
  const can = { note: useCan('notes.write'), task: useCan('tasks.manage'), stage: useCan('clients.edit'), aml: useCan('aml.write'), assign: useCan('leads.assign'), ticket: useCan('tickets.work'), file: useCan('client_file.export') };
  const close = () => onOpen(null);
  const done = (text: string) => {
    say(text);
    close();
    onDone();
  };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<IconDots size={16} aria-hidden />}>{t('more')}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          {can.note && <Menu.Item onClick={() => onOpen('note')}>{t('note')}</Menu.Item>}
          {can.task && <Menu.Item onClick={() => onOpen('task')}>{t('task')}</Menu.Item>}
          {can.ticket && <Menu.Item onClick={() => onOpen('ticket')}>{t('ticket.menu')}</Menu.Item>}
          {can.assign && <Menu.Item onClick={() => onOpen('assign')}>{t('assign.menu')}</Menu.Item>}
          {can.stage && <Menu.Item onClick={() => onOpen('stage')}>{t('stage')}</Menu.Item>}
          {can.aml && <Menu.Item onClick={() => onOpen('aml')}>{t('aml')}</Menu.Item>}
          {can.file && <Menu.Item component={Link} to={`/clients/${id}/file` as never}>{t('file.menu')}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <CallDialog id={id} c={c} opened={open === 'call'} onClose={close} onDone={() => done(t('done.call'))} />
      <NoteDialog id={id} kind={open === 'aml' ? 'aml' : 'note'} opened={open === 'note' || open === 'aml'} onClose={close} onDone={() => done(t('done.note'))} />
      <TaskDialog id={id} opened={open === 'task'} onClose={close} onDone={() => done(t('done.task'))} />
      <StageDialog id={id} stage={c.stage} opened={open === 'stage'} onClose={close} onDone={() => done(t('done.stage'))} />
    </>
  );
}

interface Inner {
  id: string;
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}

const outcomes: readonly Schema<'CallOutcome'>[] = ['reached', 'no_answer', 'voicemail', 'callback', 'wrong_number'];
const statuses: readonly Schema<'ClientStatus'>[] = ['contacted', 'interested', 'callback', 'no_answer', 'not_interested'];
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** One form during the call: what came of it, where it stands, what is next. Stored all or nothing. */
function CallDialog({ id, c, opened, onClose, onDone }: Inner & { c: ClientRecord['client'] }) {
  const { t } = useTranslation(['office-record', 'common']);
  const log = useWrite('post', '/api/v1/clients/{id}/calls');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { direction: 'out' as string, outcome: 'reached' as string, minutes: 3 as number | string, body: '', status: null as string | null, follow: false, title: '', day: inDays(2) as string | null },
    validate: { title: (v, all) => (all.follow && !v.trim() ? fieldText('missing') : null), day: (v, all) => (all.follow && !v ? fieldText('missing') : null) },
  });
  const v = form.values;
  const send = form.onSubmit(async (values) => {
    try {
      await log.run({
        path: { id },
        body: {
          direction: values.direction as Schema<'CallDirection'>,
          outcome: values.outcome as Schema<'CallOutcome'>,
          duration_s: values.outcome === 'reached' ? Math.round(Number(values.minutes) * 60) : 0,
          body: values.body,
          status: values.status as Schema<'ClientStatus'> | null,
          follow_up: values.follow && values.day ? { title: values.title.trim(), due_at_us: dayStartUs(values.day, Intl.DateTimeFormat().resolvedOptions().timeZone) + 9 * 3_600_000_000 } : null,
        },
      });
      form.reset();
      setAbove(null);
      onDone();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <FormDialog opened={opened} onClose={onClose} title={t('callWith', { name: c.name })} busy={log.busy} above={above} onSubmit={send}>
      <p className="qd-muted">{t('number')}: <bdi dir="ltr"><Value mask="contact">{c.phone}</Value></bdi></p>
      <Group grow>
        <Select label={t('direction')} allowDeselect={false} data={[{ value: 'out', label: t('out') }, { value: 'in', label: t('in') }]} {...form.getInputProps('direction')} />
        <Select label={t('outcome')} allowDeselect={false} data={outcomes.map((value) => ({ value, label: statusText('call', value) }))} {...form.getInputProps('outcome')} />
      </Group>
      {v.outcome === 'reached' && <NumberInput label={t('minutes')} min={0} max={600} {...form.getInputProps('minutes')} />}
      <Textarea label={t('said')} autosize minRows={3} dir="auto" {...form.getInputProps('body')} />
      <Select label={t('status')} clearable data={statuses.map((value) => ({ value, label: statusText('lead_status', value) }))} {...form.getInputProps('status')} />
      <Checkbox label={t('follow')} {...form.getInputProps('follow', { type: 'checkbox' })} />
      {v.follow && (
        <Group grow align="start">
          <TextInput label={t('taskTitle')} dir="auto" {...form.getInputProps('title')} />
          <Suspense fallback={null}>
            <DateField label={t('day')} minDate={inDays(0)} {...form.getInputProps('day')} />
          </Suspense>
        </Group>
      )}
    </FormDialog>
  );
}

function NoteDialog({ id, kind, opened, onClose, onDone }: Inner & { kind: 'note' | 'aml' }) {
  const { t } = useTranslation(['office-record', 'common']);
  const note = useWrite('post', '/api/v1/clients/{id}/notes');
  const aml = useWrite('post', '/api/v1/clients/{id}/aml-notes');
  const [body, setBody] = useState('');
  const [tried, setTried] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const write = kind === 'aml' ? aml : note;
  const send = async () => {
    setTried(true);
    if (!body.trim()) return;
    try {
      await write.run({ path: { id }, body: { body: body.trim() } });
      setBody('');
      setTried(false);
      setFailed(null);
      onDone();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={kind === 'aml' ? t('aml') : t('note')}
      locked={write.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button loading={write.busy} onClick={() => void send()}>{t('common:save')}</Button>
        </>
      }
    >
      <Stack>
        {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        <Textarea
          label={kind === 'aml' ? t('amlWho') : t('noteWho')}
          autosize
          minRows={4}
          dir="auto"
          value={body}
          error={tried && !body.trim() ? fieldText('missing') : undefined}
          onChange={(e) => setBody(e.currentTarget.value)}
        />
      </Stack>
    </Dialog>
  );
}

function TaskDialog({ id, opened, onClose, onDone }: Inner) {
  const { t } = useTranslation(['office-record', 'common']);
  const add = useWrite('post', '/api/v1/clients/{id}/tasks');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { title: '', day: inDays(2) as string | null },
    validate: { title: (v) => (v.trim() ? null : fieldText('missing')), day: (v) => (v ? null : fieldText('missing')) },
  });
  const send = form.onSubmit(async (v) => {
    try {
      await add.run({ path: { id }, body: { title: v.title.trim(), due_at_us: dayStartUs(v.day ?? '', Intl.DateTimeFormat().resolvedOptions().timeZone) + 9 * 3_600_000_000 } });
      form.reset();
      setAbove(null);
      onDone();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <FormDialog opened={opened} onClose={onClose} title={t('task')} busy={add.busy} above={above} onSubmit={send}>
      <TextInput label={t('taskTitle')} dir="auto" {...form.getInputProps('title')} />
      <Suspense fallback={null}>
        <DateField label={t('day')} minDate={inDays(0)} {...form.getInputProps('day')} />
      </Suspense>
    </FormDialog>
  );
}

/** Registration, verification and money move a client by themselves; this is what a person may say. */
function StageDialog({ id, stage, opened, onClose, onDone }: Inner & { stage: string }) {
  const { t } = useTranslation(['office-record', 'common']);
  const move = useWrite('post', '/api/v1/clients/{id}/stage');
  const commands = stage === 'dormant' || stage === 'churned' ? (['wake', 'churn'] as const) : (['fall_asleep', 'churn'] as const);
  const [command, setCommand] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const send = async () => {
    setTried(true);
    if (!command || !reason.trim()) return;
    try {
      await move.run({ path: { id }, body: { command: command as Schema<'ClientCommand'>, reason: reason.trim() } });
      setFailed(null);
      onDone();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('stage')}
      locked={move.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button loading={move.busy} onClick={() => void send()}>{t('common:save')}</Button>
        </>
      }
    >
      <Stack>
        {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        <p className="qd-muted">{t('stageText')}</p>
        <Select label={t('stageTo')} data={commands.map((value) => ({ value, label: t(`command.${value}`) }))} value={command} onChange={setCommand} error={tried && !command ? fieldText('missing') : undefined} />
        <TextInput label={t('reason')} dir="auto" value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={tried && !reason.trim() ? fieldText('missing') : undefined} />
      </Stack>
    </Dialog>
  );
}
