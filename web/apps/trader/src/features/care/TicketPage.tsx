import { Button, Skeleton, Textarea } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, CopyId, errorText, ErrorState, Notice, Page, When } from '@qd/ui';
import { useParams } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import classes from '../../lib/room.module.css';
import { About } from './About';
import { ticketTone } from './tone';

/** A conversation with the house. */
export function TicketPage() {
  const { t } = useTranslation('trader-care');
  const { id } = useParams({ strict: false }) as { id: string };
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const ticket = useApiQuery('/api/v1/me/tickets/{id}', { path: { id } });
  const write = useWrite('post', '/api/v1/me/tickets/{id}/messages', { touches: ['ticket'], onDone: () => setText('') });
  const solved = useWrite('post', '/api/v1/me/tickets/{id}/solved', { touches: ['ticket'] });
  const x = ticket.data;
  const crumbs = [{ label: t('support.title'), to: '/support' }];
  if (!x) {
    return (
      <Page title={t('support.one')} crumbs={crumbs} width="text">
        {ticket.error ? <ErrorState error={ticket.error} onRetry={() => void ticket.refetch()} page /> : <Skeleton height={240} radius="md" />}
      </Page>
    );
  }
  const closed = x.ticket.state === 'closed';
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) field.current?.focus();
    else if (!write.busy) write.submit({ path: { id }, body: { body: text.trim() } });
  };
  return (
    <Page title={x.ticket.subject} crumbs={crumbs} width="text" aside={<Chip tone={ticketTone(x.ticket.state)} label={t(`support.state.${x.ticket.state}`)} />}>
      <p className={classes.note}>
        {t(`support.categories.${x.ticket.category}`)} · <CopyId id={x.ticket.id} />
        {x.ticket.about ? (
          <>
            {' · '}
            <About about={x.ticket.about} />
          </>
        ) : null}
      </p>
      {x.ticket.reply_due_at_us && (
        <Notice>
          {t('support.reply_due')} <When us={x.ticket.reply_due_at_us} as="full" />
        </Notice>
      )}
      <ol className={`${classes.list} ${classes.bubbles}`} aria-label={t('support.messages')}>
        {x.messages.map((m) => (
          <li key={m.id} className={classes.bubble} data-mine={m.by === 'client' || undefined}>
            <span className={classes.bubbleMeta}>
              {t(m.by === 'client' ? 'support.you' : 'support.us')} · <When us={m.at_us} />
            </span>
            <p dir="auto">{m.body}</p>
          </li>
        ))}
      </ol>
      {closed ? (
        <Notice>{t('support.closed_text')}</Notice>
      ) : (
        <form onSubmit={send} className={classes.field}>
          <Textarea ref={field} size="md" label={t('support.answer')} autosize minRows={3} maxRows={12} dir="auto" value={text} onChange={(e) => setText(e.currentTarget.value)} />
          {write.error && <Notice tone="bad">{errorText(write.error)}</Notice>}
          {solved.error && <Notice tone="bad">{errorText(solved.error)}</Notice>}
          <div className={classes.foot}>
            {x.ticket.state !== 'solved' && (
              <Button variant="default" loading={solved.busy} onClick={() => solved.submit({ path: { id } })}>
                {t('support.is_solved')}
              </Button>
            )}
            <Button type="submit" size="md" loading={write.busy}>
              {t('support.send')}
            </Button>
          </div>
        </form>
      )}
    </Page>
  );
}
