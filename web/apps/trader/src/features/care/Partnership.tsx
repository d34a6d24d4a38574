import { Button, Select, Skeleton, TextInput } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Card, ErrorState, focusErrors, KeyValue, Notice, Page, showProblem, StatusChip, useForm, When } from '@qd/ui';
import { useState } from 'react';
import { useRecord } from '../../lib/queries';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';

/** Becoming a partner; whoever is one finds the way to their own portal. */
function PartnershipScreen() {
  const { t } = useTranslation('trader-care');
  const record = useRecord();
  const missing = record.data ? !record.data.partner : false;
  const partner = useApiQuery('/api/v1/me/partner', record.data?.partner ? { query: {} } : null);
  const p = partner.data?.partner;
  return (
    <Page title={t('partner.title')} width="text" text={t('partner.text')} aside={p && <StatusChip kind="partner" value={p.state} audience="client" />}>
      {(partner.error ?? record.error) && !p && !missing ? (
        <ErrorState error={partner.error ?? record.error} onRetry={() => void Promise.all([record.refetch(), partner.refetch()])} />
      ) : p ? (
        <>
          <Notice tone={p.state === 'active' ? 'good' : p.state === 'applied' ? 'info' : 'warn'}>{t(`partner.state.${p.state}`)}</Notice>
          <Card>
            <KeyValue
              items={[
                { label: t('partner.name'), value: <bdi>{p.name}</bdi> },
                { label: t('partner.currency'), value: p.currency },
                { label: t('partner.since'), value: <When us={p.created_at_us} as="date" /> },
              ]}
            />
          </Card>
          {p.state === 'active' && (
            <div className={classes.foot}>
              <Button component="a" href="/partner" size="md">
                {t('partner.to_portal')}
              </Button>
            </div>
          )}
        </>
      ) : missing ? (
        <ApplyForm />
      ) : (
        <Skeleton height={200} radius="md" />
      )}
    </Page>
  );
}

function ApplyForm() {
  const { t } = useTranslation('trader-care');
  const record = useRecord();
  const [general, setGeneral] = useState<string | null>(null);
  const form = useForm({ initialValues: { name: '', currency: '' }, validate: { name: (v) => (v.trim() === '' ? serverText('errors', 'field.required') : null) } });
  const apply = useWrite('post', '/api/v1/me/partner', { touches: ['partner', 'client'] });
  const me = record.data;
  const send = async (values: typeof form.values) => {
    setGeneral(null);
    try {
      await apply.run({ body: { name: values.name.trim(), currency: values.currency || me!.base_currency } });
    } catch (error) {
      setGeneral(showProblem(form, error));
    }
  };
  if (!me) return <Skeleton height={200} radius="md" />;
  return (
    <form onSubmit={form.onSubmit((v) => void send(v), focusErrors(form))} noValidate className={classes.field}>
      {general && <Notice tone="bad">{general}</Notice>}
      <TextInput size="md" label={t('partner.name')} description={t('partner.name_text')} autoComplete="organization" dir="auto" {...form.getInputProps('name')} />
      <Select size="md" label={t('partner.currency')} description={t('partner.currency_text')} data={me.currencies as string[]} {...form.getInputProps('currency')} value={form.values.currency || me.base_currency} />
      <div className={classes.foot}>
        <Button type="submit" size="md" loading={apply.busy}>
          {t('partner.apply')}
        </Button>
      </div>
    </form>
  );
}

export const Partnership = proven(PartnershipScreen, 'trader:nav.partner');
