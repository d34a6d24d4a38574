import { Button, Select, Textarea, TextInput } from '@mantine/core';
import { useWrite } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { focusErrors, moneyText, Notice, Page, showProblem, useForm, useSearchState, useZone, whenText } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useAccountText } from '../../lib/Account';
import { useAccounts, useOperations } from '../../lib/queries';
import classes from '../../lib/room.module.css';

const categories = ['deposit', 'withdrawal', 'account', 'kyc', 'partner', 'other'] as const;

/** A question to the house, tied to what it is about, so that nobody has to ask back. */
export function NewTicket() {
  const { t, i18n } = useTranslation(['trader-care', 'trader']);
  const [search] = useSearchState();
  const navigate = useNavigate();
  const operations = useOperations();
  const accounts = useAccounts();
  const accountText = useAccountText();
  const { zone } = useZone();
  const [general, setGeneral] = useState<string | null>(null);
  const form = useForm({
    initialValues: { category: (categories as readonly string[]).includes(search.category ?? '') ? search.category! : 'other', about: search.about ?? '', subject: '', body: '' },
    validate: {
      subject: (v) => (v.trim() === '' ? serverText('errors', 'field.required') : null),
      body: (v) => (v.trim() === '' ? serverText('errors', 'field.required') : null),
    },
  });
  const open = useWrite('post', '/api/v1/me/tickets', { touches: ['ticket'], onDone: (x) => void navigate({ to: `/support/${x.ticket.id}` }) });
  const records = [
    ...operations.rows.map((o) => ({ value: o.id, label: `${t(`trader:op.${o.kind}`)} · ${moneyText(i18n.language, o.amount)} · ${whenText(i18n.language, o.at, zone, 'date')}` })),
    ...(accounts.data?.items ?? []).map((a) => ({ value: a.id as string, label: accountText(a) })),
  ];
  const data = form.values.about && !records.some((r) => r.value === form.values.about) ? [...records, { value: form.values.about, label: form.values.about }] : records;
  const send = async (values: typeof form.values) => {
    setGeneral(null);
    try {
      await open.run({ body: { category: values.category as never, about: values.about || null, subject: values.subject.trim(), body: values.body.trim() } });
    } catch (error) {
      setGeneral(showProblem(form, error));
    }
  };
  return (
    <Page title={t('trader-care:support.new')} crumbs={[{ label: t('trader-care:support.title'), to: '/support' }]} width="text">
      <form onSubmit={form.onSubmit((v) => void send(v), focusErrors(form))} noValidate className={classes.field}>
        {general && <Notice tone="bad">{general}</Notice>}
        <Select size="md" label={t('trader-care:support.category')} data={categories.map((value) => ({ value, label: t(`trader-care:support.categories.${value}`) }))} {...form.getInputProps('category')} />
        <Select size="md" label={t('trader-care:support.about')} placeholder={t('trader-care:support.about_none')} clearable data={data} {...form.getInputProps('about')} value={form.values.about || null} onChange={(v) => form.setFieldValue('about', v ?? '')} />
        <TextInput size="md" label={t('trader-care:support.subject')} maxLength={200} dir="auto" {...form.getInputProps('subject')} />
        <Textarea size="md" label={t('trader-care:support.body')} description={t('trader-care:support.body_text')} autosize minRows={5} maxRows={16} dir="auto" {...form.getInputProps('body')} />
        <div className={classes.foot}>
          <Button type="submit" size="md" loading={open.busy}>
            {t('trader-care:support.send')}
          </Button>
        </div>
      </form>
    </Page>
  );
}
