import { Button, Checkbox, NumberInput, Select, Stack, Switch, TextInput } from '@mantine/core';
import { useWrite, type Row } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Dialog, fieldText, focusErrors, Notice, say, showProblem, useForm } from '@qd/ui';
import { useState } from 'react';
import { example, macros, withMacro } from './macros';
import classes from './postbacks.module.css';

type Postback = Row<'/api/v1/me/partner/postbacks'>;
type Event = Postback['events'][number];

export const events: readonly Event[] = ['click', 'registration', 'kyc_approved', 'ftd', 'deposit', 'qualified', 'lots_daily', 'commission', 'chargeback', 'rejected'];

interface Props {
  opened: boolean;
  onClose: () => void;
  onSaved: (id: string) => void;
  /** Changed instead of added. */
  of?: Postback;
}

export function PostbackForm(props: Props) {
  return props.opened ? <Editor key={props.of ? `${props.of.id}-${props.of.version}` : 'new'} {...props} /> : null;
}

/** Where, of what, how; with the address as it would be called while it is typed. */
function Editor({ onClose, onSaved, of }: Props) {
  const { t } = useTranslation(['partner-tools', 'common']);
  const add = useWrite('post', '/api/v1/me/partner/postbacks');
  const edit = useWrite('put', '/api/v1/me/partner/postbacks/{id}');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: {
      name: of?.name ?? '',
      url: of?.url ?? '',
      method: (of?.method ?? 'get') as Postback['method'],
      events: (of?.events ?? ['registration', 'ftd']) as Event[],
      interval: of ? of.lot_interval_s / 60 : 60,
      active: of?.active ?? true,
    },
    validate: {
      name: (v) => (v.trim() ? null : fieldText('missing')),
      url: (v) => (v.trim() ? null : fieldText('missing')),
      events: (v) => (v.length > 0 ? null : t('partner-tools:pb.eventsMissing')),
    },
  });
  const v = form.values;
  const shown = example(v.url, v.events.find((e) => e === 'ftd') ?? v.events[0] ?? 'registration');
  const busy = add.busy || edit.busy;
  const send = form.onSubmit(async (values) => {
    const postback = { name: values.name.trim(), url: values.url.trim(), method: values.method, events: values.events, lot_interval_s: Math.round(Number(values.interval) * 60), active: values.active, ...(of ? { success: of.success } : {}) };
    try {
      const done = of ? await edit.run({ path: { id: of.id }, body: { version: of.version, postback } }) : await add.run({ body: postback });
      say(t('partner-tools:pb.saved'));
      onSaved(done.id);
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened
      onClose={onClose}
      size="lg"
      title={of ? t('partner-tools:pb.edit') : t('partner-tools:pb.add')}
      locked={busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button type="submit" form="postback-form" loading={busy}>{t('partner-tools:pb.save')}</Button>
        </>
      }
    >
      <form id="postback-form" onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <TextInput label={t('partner-tools:pb.name')} maxLength={100} dir="auto" {...form.getInputProps('name')} />
          <TextInput label={t('partner-tools:pb.url')} description={t('partner-tools:pb.urlHint')} placeholder="https://tracker.example/postback?cid={click_id}&e={event}" dir="ltr" autoComplete="off" spellCheck={false} {...form.getInputProps('url')} />
          <Select
            label={t('partner-tools:pb.macro')}
            placeholder={t('partner-tools:pb.macroPick')}
            value={null}
            searchable
            data={macros.map(([name]) => ({ value: name, label: `{${name}} · ${serverText('partner-tools', `macro.${name}`)}` }))}
            onChange={(name) => name && form.setFieldValue('url', withMacro(v.url, name))}
          />
          {v.url && (
            <div className={classes.example}>
              <span className="qd-muted">{t('partner-tools:pb.example')}</span>
              <output><bdi dir="ltr">{shown.url}</bdi></output>
            </div>
          )}
          {shown.unknown.length > 0 && <Notice tone="warn">{t('partner-tools:pb.unknown', { names: shown.unknown.map((n) => `{${n}}`).join(', ') })}</Notice>}
          <Select label={t('partner-tools:pb.method')} allowDeselect={false} data={[{ value: 'get', label: t('partner-tools:pb.get') }, { value: 'post', label: t('partner-tools:pb.post') }]} {...form.getInputProps('method')} />
          <fieldset className={classes.events}>
            <legend>{t('partner-tools:pb.events')}</legend>
            {events.map((e) => (
              <Checkbox key={e} label={serverText('partner-tools', `event.${e}`)} checked={v.events.includes(e)} onChange={(c) => form.setFieldValue('events', c.currentTarget.checked ? [...v.events, e] : v.events.filter((x) => x !== e))} />
            ))}
            {form.errors.events && <p role="alert" className={classes.fault}>{form.errors.events}</p>}
          </fieldset>
          {(v.events.includes('commission') || v.events.includes('lots_daily')) && <NumberInput label={t('partner-tools:pb.interval')} description={t('partner-tools:pb.intervalHint')} min={15} max={1440} suffix={` ${t('partner-tools:pb.minutes')}`} {...form.getInputProps('interval')} />}
          <Switch label={t('partner-tools:pb.on')} checked={v.active} onChange={(c) => form.setFieldValue('active', c.currentTarget.checked)} />
        </Stack>
      </form>
    </Dialog>
  );
}
