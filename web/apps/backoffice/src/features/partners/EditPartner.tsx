import { Button, Select, Stack, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Dialog, fieldText, focusErrors, Notice, say, showProblem, statusText, useForm } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { useEffect, useState } from 'react';

type Method = Schema<'PayoutMethod'>;
const methods: readonly Method[] = ['wallet', 'bank'];

interface Props {
  opened: boolean;
  /** The partner to change; a new one without. */
  partner?: Schema<'Partner'>;
  onClose: () => void;
  onDone: (id: string) => void;
}

interface Values extends Record<string, unknown> {
  name: string;
  entity: string;
  currency: string;
  email: string;
  phone: string;
  client_id: string;
  parent: string | null;
  payout_method: string;
}
const fresh: Values = { name: '', entity: '', currency: 'EUR', email: '', phone: '', client_id: '', parent: null, payout_method: 'wallet' };

/** Adds a partner, or changes particulars. Entity and currency stay what they were: lines are booked in them. */
export function EditPartner({ opened, partner, onClose, onDone }: Props) {
  const { t } = useTranslation(['office-partners', 'common']);
  const { me, boot } = useSession();
  const others = useApiQuery('/api/v1/partners', opened && !partner ? { query: { limit: 200 } } : null);
  const add = useWrite('post', '/api/v1/partners');
  const change = useWrite('put', '/api/v1/partners/{id}');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm<Values>({
    mode: 'controlled',
    initialValues: fresh,
    validate: {
      name: (v) => (v.trim() ? null : fieldText('missing')),
      entity: (v) => (partner || v.trim() ? null : fieldText('missing')),
    },
  });
  useEffect(() => {
    if (!opened) return;
    setAbove(null);
    form.clearErrors();
    form.setValues(
      partner
        ? { ...fresh, name: partner.name, entity: partner.entity, currency: partner.currency, email: partner.email ?? '', phone: partner.phone ?? '', client_id: partner.client_id ?? '', payout_method: partner.payout_method }
        : { ...fresh, entity: entities[0] ?? '' },
    );
    // The form itself is the same object for as long as the dialog lives.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [opened, partner]);
  const known = others.data?.items ?? [];
  const entities = [...new Set([...me.entities.filter((e) => e !== '*'), ...known.map((p) => p.entity), boot?.entity.code ?? ''])].filter(Boolean).sort();
  const send = form.onSubmit(async (v) => {
    const shared = { name: v.name.trim(), email: v.email.trim() || null, phone: v.phone.trim() || null, client_id: v.client_id.trim() || null, payout_method: v.payout_method as Method };
    try {
      const saved = partner
        ? await change.run({ path: { id: partner.id }, body: { ...shared, version: partner.version } })
        : await add.run({ body: { ...shared, entity: v.entity, currency: v.currency, parent: v.parent } });
      say(partner ? t('done.saved') : t('done.added'));
      onClose();
      onDone(saved.id);
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      size="lg"
      title={partner ? t('edit.title') : t('add')}
      locked={add.busy || change.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button onClick={() => send()} loading={add.busy || change.busy}>{t('save')}</Button>
        </>
      }
    >
      <form onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <TextInput label={t('col.name')} required dir="auto" {...form.getInputProps('name')} />
          {!partner && (
            <>
              <Select label={t('col.entity')} required data={entities} allowDeselect={false} {...form.getInputProps('entity')} />
              <Select label={t('col.currency')} description={t('edit.currencyNote')} data={['EUR', 'USD', 'GBP']} allowDeselect={false} {...form.getInputProps('currency')} />
              <Select label={t('parent')} placeholder={t('topLevel')} clearable searchable data={known.filter((p) => p.state !== 'terminated').map((p) => ({ value: p.id, label: p.name }))} {...form.getInputProps('parent')} />
            </>
          )}
          <TextInput label={t('col.email')} type="email" dir="ltr" {...form.getInputProps('email')} />
          <TextInput label={t('col.phone')} type="tel" dir="ltr" {...form.getInputProps('phone')} />
          <Select label={t('col.method')} data={methods.map((value) => ({ value, label: statusText('payout_method', value) }))} allowDeselect={false} {...form.getInputProps('payout_method')} />
          <TextInput label={t('ownClient')} description={t('edit.clientNote')} dir="ltr" {...form.getInputProps('client_id')} />
        </Stack>
      </form>
    </Dialog>
  );
}
