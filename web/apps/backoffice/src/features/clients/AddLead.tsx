import { Button, Group, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { country, languageName, useTranslation } from '@qd/i18n';
import { Dialog, fieldText, focusErrors, Notice, say, showProblem, useForm } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

/** A lead by hand: somebody called, or left a card. Duplicates are found as for any other lead. */
export function AddLead({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t, i18n } = useTranslation(['office-clients', 'common']);
  const { boot } = useSession();
  const go = useNavigate();
  const brands = useApiQuery('/api/v1/brands', opened ? {} : null);
  const add = useWrite('post', '/api/v1/clients');
  const [above, setAbove] = useState<string | null>(null);
  const codes = (boot?.countries ?? []).map((c) => c.code);
  const form = useForm({
    mode: 'controlled',
    initialValues: { brand: boot?.brand.code ?? '', first_name: '', last_name: '', email: '', phone: '', country: null as string | null, language: null as string | null, campaign: '', note: '' },
    validate: {
      first_name: (v) => (v.trim() ? null : fieldText('missing')),
      last_name: (v) => (v.trim() ? null : fieldText('missing')),
      email: (v, all) => (v.trim() || all.phone.trim() ? null : t('lead.reach')),
    },
  });
  const send = form.onSubmit(async (v) => {
    try {
      const taken = await add.run({ body: { brand: v.brand, first_name: v.first_name.trim(), last_name: v.last_name.trim(), email: v.email.trim() || null, phone: v.phone.trim() || null, country: v.country, language: v.language, campaign: v.campaign.trim(), note: v.note.trim() || null, source: 'office' } });
      form.reset();
      setAbove(null);
      say(t('lead.added'));
      onClose();
      const id = (taken as { client_id?: string; id?: string }).client_id ?? (taken as { id?: string }).id;
      if (id) void go({ to: `/clients/${id}` as never });
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('lead.title')}
      locked={add.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button type="submit" form="lead-form" loading={add.busy}>{t('lead.add')}</Button>
        </>
      }
    >
      <form id="lead-form" onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <Select label={t('lead.brand')} allowDeselect={false} data={(brands.data?.items ?? []).map((b) => ({ value: b.code, label: b.name }))} {...form.getInputProps('brand')} />
          <Group grow align="start">
            <TextInput label={t('lead.first')} autoComplete="off" {...form.getInputProps('first_name')} />
            <TextInput label={t('lead.last')} autoComplete="off" {...form.getInputProps('last_name')} />
          </Group>
          <Group grow align="start">
            <TextInput label={t('col.email')} type="email" autoComplete="off" {...form.getInputProps('email')} />
            <TextInput label={t('col.phone')} type="tel" autoComplete="off" {...form.getInputProps('phone')} />
          </Group>
          <Group grow align="start">
            <Select label={t('col.country')} searchable clearable data={codes.map((value) => ({ value, label: country(i18n.language, value) }))} {...form.getInputProps('country')} />
            <Select label={t('col.language')} searchable clearable data={['en', 'de', 'ar', 'es', 'fr', 'it', 'pl', 'pt', 'th', 'tr'].map((value) => ({ value, label: languageName(i18n.language, value) }))} {...form.getInputProps('language')} />
          </Group>
          <TextInput label={t('col.campaign')} {...form.getInputProps('campaign')} />
          <Textarea label={t('lead.note')} autosize minRows={2} dir="auto" {...form.getInputProps('note')} />
        </Stack>
      </form>
    </Dialog>
  );
}
