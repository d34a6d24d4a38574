import { Button, Group, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { country, languageName, useTranslation } from '@qd/i18n';
import { covered, Dialog, fieldText, focusErrors, Notice, say, showProblem, useForm } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { lazy, Suspense, useState } from 'react';
import type { ClientRecord } from './Overview';

const DateField = lazy(() => import('@qd/ui/form/DateField'));
const languages = ['en', 'de', 'ar', 'es', 'fr', 'it', 'pl', 'pt', 'th', 'tr'];
type Client = ClientRecord['client'];
type Change = Schema<'Change'>;

/** Corrects who it is and how to reach them. Only what was changed is sent, and what I may not see is not there to change. */
export function EditContact({ c, onClose, onDone }: { c: Client; onClose: () => void; onDone: () => void }) {
  const { t, i18n } = useTranslation(['office-record', 'common']);
  const lang = i18n.language;
  const { boot } = useSession();
  const change = useWrite('patch', '/api/v1/clients/{id}');
  const [above, setAbove] = useState<string | null>(null);
  const hidden = (value: string | null) => value !== null && covered(value);
  const start = {
    first_name: c.first_name,
    last_name: c.last_name,
    email: c.email ?? '',
    phone: c.phone ?? '',
    birth_date: c.birth_date,
    country: c.country as string | null,
    nationality: c.nationality,
    language: c.language as string | null,
    tags: c.tags,
    vip: c.vip,
    reason: '',
  };
  const form = useForm({
    mode: 'controlled',
    initialValues: start,
    validate: {
      first_name: (v) => (v.trim() ? null : fieldText('missing')),
      last_name: (v) => (v.trim() ? null : fieldText('missing')),
      reason: (v) => (v.trim() ? null : fieldText('reason_missing')),
    },
  });
  const codes = [...new Set([...(boot?.countries ?? []).map((x) => x.code), c.country, ...(c.nationality ? [c.nationality] : [])])];
  const countries = codes.map((value) => ({ value, label: country(lang, value) })).sort((a, b) => a.label.localeCompare(b.label, lang));
  const send = form.onSubmit(async (v) => {
    const body: Change = { version: c.version, reason: v.reason.trim() };
    for (const key of ['first_name', 'last_name', 'email', 'phone'] as const) if (v[key].trim() !== start[key]) body[key] = v[key].trim();
    for (const key of ['birth_date', 'country', 'nationality', 'language'] as const) if (v[key] !== start[key]) body[key] = v[key];
    if (v.vip !== start.vip) body.vip = v.vip;
    if (v.tags.join('\n') !== start.tags.join('\n')) body.tags = v.tags;
    if (Object.keys(body).length === 2) {
      setAbove(t('edit.same'));
      return;
    }
    try {
      await change.run({ path: { id: c.id }, body });
      say(t('edit.done'));
      onDone();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened
      onClose={onClose}
      size="lg"
      title={t('edit.title')}
      locked={change.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button type="submit" form="contact-form" loading={change.busy}>{t('common:save')}</Button>
        </>
      }
    >
      <form id="contact-form" onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <Group grow align="start">
            <TextInput label={t('edit.first')} autoComplete="off" dir="auto" {...form.getInputProps('first_name')} />
            <TextInput label={t('edit.last')} autoComplete="off" dir="auto" {...form.getInputProps('last_name')} />
          </Group>
          <Group grow align="start">
            <TextInput label={t('contact.email')} type="email" autoComplete="off" readOnly={hidden(c.email)} description={hidden(c.email) ? t('edit.covered') : undefined} {...form.getInputProps('email')} />
            <TextInput label={t('contact.phone')} type="tel" autoComplete="off" readOnly={hidden(c.phone)} description={hidden(c.phone) ? t('edit.covered') : undefined} {...form.getInputProps('phone')} />
          </Group>
          <Group grow align="start">
            {hidden(c.birth_date) ? (
              <TextInput label={t('contact.born')} readOnly description={t('edit.covered')} value={c.birth_date ?? ''} />
            ) : (
              <Suspense fallback={null}>
                <DateField label={t('contact.born')} clearable defaultLevel="decade" {...form.getInputProps('birth_date')} />
              </Suspense>
            )}
            <Select label={t('contact.language')} searchable allowDeselect={false} data={[...new Set([...languages, c.language])].map((value) => ({ value, label: languageName(lang, value) }))} {...form.getInputProps('language')} />
          </Group>
          <Group grow align="start">
            <Select label={t('contact.country')} searchable allowDeselect={false} data={countries} {...form.getInputProps('country')} />
            <Select label={t('contact.nationality')} searchable clearable data={countries} {...form.getInputProps('nationality')} />
          </Group>
          <TagsInput label={t('edit.tags')} {...form.getInputProps('tags')} />
          <Switch label={t('edit.vip')} {...form.getInputProps('vip', { type: 'checkbox' })} />
          <TextInput label={t('reason')} required dir="auto" {...form.getInputProps('reason')} />
        </Stack>
      </form>
    </Dialog>
  );
}
