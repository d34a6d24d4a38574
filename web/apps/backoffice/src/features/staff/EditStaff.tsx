import { Button, MultiSelect, Select, Stack, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { languageName, useTranslation } from '@qd/i18n';
import { Dialog, ErrorState, fieldText, focusErrors, Notice, say, showProblem, statusText, useForm } from '@qd/ui';
import { useEffect, useState } from 'react';

type Role = Schema<'Role'>;
const roles: readonly Role[] = ['sales', 'sales_manager', 'compliance', 'finance', 'support', 'ops', 'partner_manager', 'auditor', 'super_admin'];

interface Values extends Record<string, unknown> {
  name: string;
  email: string;
  language: string;
  desk: string | null;
  roles: string[];
  entities: string[];
  reason: string;
}
const fresh: Values = { name: '', email: '', language: 'en', desk: null, roles: [], entities: [], reason: '' };

/** Adds a colleague, or changes what one may do. The server asks for a fresh proof. */
export function EditStaff({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const { t, i18n } = useTranslation(['office-staff', 'common']);
  const adding = id === 'new';
  const person = useApiQuery('/api/v1/staff/{id}', id && !adding ? { path: { id } } : null);
  const desks = useApiQuery('/api/v1/desks', id ? {} : null);
  const entities = useApiQuery('/api/v1/entities', id ? {} : null);
  const add = useWrite('post', '/api/v1/staff');
  const change = useWrite('put', '/api/v1/staff/{id}');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm<Values>({
    mode: 'controlled',
    initialValues: fresh,
    validate: {
      name: (v) => (v.trim() ? null : fieldText('missing')),
      email: (v) => (!adding || v.trim() ? null : fieldText('missing')),
      roles: (v) => (v.length > 0 ? null : fieldText('missing')),
      entities: (v) => (v.length > 0 ? null : fieldText('missing')),
      reason: (v) => (adding || v.trim() ? null : fieldText('missing')),
    },
  });
  const loaded = person.data;
  useEffect(() => {
    setAbove(null);
    if (adding) form.setValues(fresh);
    else if (loaded) form.setValues({ ...fresh, name: loaded.name, email: loaded.email, language: loaded.language, desk: loaded.desk ?? null, roles: [...loaded.roles], entities: [...loaded.entities] });
    // The form itself is the same object for as long as the dialog lives.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, adding, loaded]);
  const send = form.onSubmit(async (v) => {
    try {
      const common = { name: v.name.trim(), language: v.language, desk: v.desk, roles: v.roles as Role[], entities: v.entities };
      if (adding) await add.run({ body: { ...common, email: v.email.trim() } });
      else if (loaded) await change.run({ path: { id: loaded.id }, body: { ...common, reason: v.reason.trim(), version: loaded.version } });
      say(adding ? t('done.invite') : t('done.saved'));
      onClose();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened={!!id}
      onClose={onClose}
      title={adding ? t('add') : t('editTitle', { name: loaded?.name ?? '' })}
      locked={add.busy || change.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>
            {t('common:cancel')}
          </Button>
          <Button type="submit" form="staff-form" loading={add.busy || change.busy}>
            {adding ? t('addAndInvite') : t('common:save')}
          </Button>
        </>
      }
    >
      {person.error ? (
        <ErrorState error={person.error} onRetry={() => void person.refetch()} />
      ) : (
        <form id="staff-form" onSubmit={send} noValidate>
          <Stack>
            {above && <Notice tone="bad">{above}</Notice>}
            <TextInput label={t('col.name')} autoComplete="off" {...form.getInputProps('name')} />
            {adding && <TextInput label={t('col.email')} type="email" autoComplete="off" {...form.getInputProps('email')} />}
            <MultiSelect label={t('col.roles')} data={roles.map((value) => ({ value, label: statusText('role', value) }))} {...form.getInputProps('roles')} />
            <MultiSelect
              label={t('col.entities')}
              data={[{ value: '*', label: t('allEntities') }, ...(entities.data?.items ?? []).map((e) => ({ value: e.code, label: e.name }))]}
              {...form.getInputProps('entities')}
            />
            <Select label={t('col.desk')} clearable data={(desks.data?.items ?? []).map((d) => ({ value: d.code, label: d.name }))} {...form.getInputProps('desk')} />
            <Select label={t('col.language')} data={['en', 'de', 'ar'].map((value) => ({ value, label: languageName(i18n.language, value) }))} allowDeselect={false} {...form.getInputProps('language')} />
            {!adding && <TextInput label={t('why')} {...form.getInputProps('reason')} />}
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
