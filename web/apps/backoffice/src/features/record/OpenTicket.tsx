import { Button, Group, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Dialog, fieldText, focusErrors, Notice, say, showProblem, statusText, useForm } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

const categories: readonly Schema<'TicketCategory'>[] = ['deposit', 'withdrawal', 'kyc', 'account', 'partner', 'other'];
const priorities: readonly Schema<'TicketPriority'>[] = ['low', 'normal', 'high', 'urgent'];

/** Writes to the client first; they read it in the portal and by mail, and are to answer. */
export function OpenTicket({ id, name, onClose }: { id: string; name: string; onClose: () => void }) {
  const { t } = useTranslation(['office-record', 'common']);
  const go = useNavigate();
  const add = useWrite('post', '/api/v1/clients/{id}/tickets');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { subject: '', category: 'other' as string, priority: 'normal' as string, body: '' },
    validate: { subject: (v) => (v.trim() ? null : fieldText('missing')), body: (v) => (v.trim() ? null : fieldText('missing')) },
  });
  const send = form.onSubmit(async (v) => {
    try {
      const made = await add.run({ path: { id }, body: { subject: v.subject.trim(), body: v.body.trim(), category: v.category as Schema<'TicketCategory'>, priority: v.priority as Schema<'TicketPriority'> } });
      say(t('ticket.done'));
      onClose();
      void go({ to: `/tickets/${made.ticket.id}` as never });
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened
      onClose={onClose}
      title={t('ticket.title', { name })}
      locked={add.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button type="submit" form="ticket-form" loading={add.busy}>{t('ticket.send')}</Button>
        </>
      }
    >
      <form id="ticket-form" onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <p className="qd-muted">{t('ticket.text')}</p>
          <TextInput label={t('ticket.subject')} dir="auto" maxLength={200} {...form.getInputProps('subject')} />
          <Group grow align="start">
            <Select label={t('ticket.category')} allowDeselect={false} data={categories.map((value) => ({ value, label: statusText('ticket_category', value) }))} {...form.getInputProps('category')} />
            <Select label={t('ticket.priority')} allowDeselect={false} data={priorities.map((value) => ({ value, label: statusText('ticket_priority', value) }))} {...form.getInputProps('priority')} />
          </Group>
          <Textarea label={t('ticket.body')} autosize minRows={5} dir="auto" {...form.getInputProps('body')} />
        </Stack>
      </form>
    </Dialog>
  );
}
