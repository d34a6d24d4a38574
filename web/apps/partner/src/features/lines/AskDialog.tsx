import { Button, Stack, Textarea } from '@mantine/core';
import { useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Dialog, fieldText, focusErrors, moneyText, Notice, showProblem, useForm, useZone, whenText } from '@qd/ui';
import { useState } from 'react';
import { lotsText } from '../../lib';
import type { Line } from './LinesTable';

/** A question about a line: a ticket that carries it, so that nobody has to ask which one. */
export function AskDialog({ line: l, opened, onClose }: { line: Line; opened: boolean; onClose: () => void }) {
  const { t, i18n } = useTranslation(['partner', 'common']);
  const { zone } = useZone();
  const [above, setAbove] = useState<string | null>(null);
  const [sent, setSent] = useState<string | null>(null);
  const open = useWrite('post', '/api/v1/me/tickets', { touches: ['ticket'] });
  const form = useForm({ mode: 'uncontrolled', initialValues: { body: '' }, validate: { body: (v) => (v.trim() ? null : fieldText('missing')) } });
  const close = () => {
    form.reset();
    setAbove(null);
    setSent(null);
    onClose();
  };
  const send = form.onSubmit(async (v) => {
    const subject = t('ask.subject', { amount: moneyText(i18n.language, { minor: l.minor, currency: l.currency }), symbol: l.symbol, lots: lotsText(l.lots), day: whenText(i18n.language, l.value_at_us, zone, 'date') });
    try {
      const done = await open.run({ body: { category: 'partner', about: l.id, subject, body: v.body.trim() } });
      setAbove(null);
      setSent(done.ticket.id);
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened={opened}
      onClose={close}
      title={t('ask.title')}
      locked={open.busy}
      footer={
        sent ? (
          <>
            <Button variant="default" onClick={close}>{t('common:close')}</Button>
            <Button component="a" href={`/support/${sent}`}>{t('ask.open')}</Button>
          </>
        ) : (
          <>
            <Button variant="default" onClick={close}>{t('common:cancel')}</Button>
            <Button type="submit" form="ask-form" loading={open.busy}>{t('ask.send')}</Button>
          </>
        )
      }
    >
      {sent ? (
        <Notice tone="good">{t('ask.sent')}</Notice>
      ) : (
        <form id="ask-form" onSubmit={send} noValidate>
          <Stack>
            {above && <Notice tone="bad">{above}</Notice>}
            <p>{t('ask.text')}</p>
            <Textarea label={t('ask.body')} autosize minRows={4} maxRows={12} dir="auto" maxLength={4000} {...form.getInputProps('body')} key={form.key('body')} />
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
