import { Button, Select, Textarea, TextInput } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { Disabled } from '../form/Disabled';
import { moneyText, toMinor, type MoneyValue } from '../show/amount';
import { When } from '../show/When';
import { WriteError } from '../state/WriteError';
import { Notice } from '../state/Notice';
import { Dialog } from './Dialog';
import type { ReasonAnswer, ReasonOption } from './ReasonDialog';
import classes from './overlay.module.css';

export interface Vote {
  by_id: string;
  by: string;
  at_us: number;
  decision: 'approve' | 'refuse';
  note?: string | null;
  /** What that person saw when they decided. */
  saw?: ReactNode;
}

export interface ApproveDialogProps {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  /** What is decided about, with everything to decide on. */
  facts: ReactNode;
  votes: readonly Vote[];
  /** Yes-votes needed. */
  needed: number;
  /** The `id` of whoever sits here. */
  me: string;
  /** Who asked for it: that person's yes does not count. */
  requestedBy?: string | null;
  /** Any other reason why a yes is not possible here (already worded). */
  blocked?: string | null;
  /** Codes for a refusal. */
  refuseReasons?: readonly ReasonOption[];
  /** To be typed before a yes: money needs a second look. */
  typed?: MoneyValue | null;
  busy?: 'approve' | 'refuse' | false;
  error?: unknown;
  onApprove: (answer: ReasonAnswer) => void;
  onRefuse?: (answer: ReasonAnswer) => void;
}

/** Two-person rule in the open: who said yes, when, on what evidence; and why my own yes may not count. */
export function ApproveDialog(props: ApproveDialogProps) {
  const { opened, onClose, title, facts, votes, needed, me, requestedBy, blocked, refuseReasons, typed, busy, error, onApprove, onRefuse } = props;
  const { t, i18n } = useTranslation('common');
  const [mode, setMode] = useState<'approve' | 'refuse'>('approve');
  const [code, setCode] = useState('');
  const [note, setNote] = useState('');
  const [amount, setAmount] = useState('');
  const [tried, setTried] = useState(false);
  useEffect(() => {
    if (!opened) return;
    setMode('approve');
    setCode('');
    setNote('');
    setAmount('');
    setTried(false);
  }, [opened]);

  const given = votes.filter((v) => v.decision === 'approve').length;
  const mine = votes.find((v) => v.by_id === me && v.decision === 'approve');
  const why = blocked ?? (mine ? t('approve.own_second') : requestedBy === me ? t('approve.own_request') : null);
  const amountWrong = !!typed && toMinor(amount, typed.currency) !== Number(typed.minor);
  const codeMissing = mode === 'refuse' && !!refuseReasons && code === '';
  const noteMissing = mode === 'refuse' && !refuseReasons && note.trim() === '';
  const last = given + 1 >= needed;

  const send = () => {
    setTried(true);
    if (busy) return;
    if (mode === 'refuse') {
      if (!codeMissing && !noteMissing) onRefuse?.({ code, note: note.trim() });
    } else if (!why && !amountWrong) onApprove({ code: '', note: note.trim() });
  };

  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={title}
      size="lg"
      locked={!!busy}
      footer={
        mode === 'approve' ? (
          <>
            {onRefuse && (
              <Button variant="subtle" color="red" onClick={() => setMode('refuse')} disabled={!!busy} style={{ marginInlineEnd: 'auto' }}>
                {t('approve.refuse')}
              </Button>
            )}
            <Button variant="default" onClick={onClose} disabled={!!busy}>
              {t('cancel')}
            </Button>
            <Disabled why={why}>
              <Button onClick={send} loading={busy === 'approve'}>
                {needed > 1 ? t('approve.give', { n: String(Math.min(given + 1, needed)), needed: String(needed) }) : t('approve.yes')}
              </Button>
            </Disabled>
          </>
        ) : (
          <>
            <Button variant="default" onClick={() => setMode('approve')} disabled={!!busy}>
              {t('back')}
            </Button>
            <Button color="red" onClick={send} loading={busy === 'refuse'}>
              {t('approve.refuse_now')}
            </Button>
          </>
        )
      }
    >
      {facts}
      {needed > 1 && (
        <section aria-label={t('approve.people')}>
          <h3 className={classes.section}>{t('approve.progress', { given: String(given), needed: String(needed) })}</h3>
          <ul className={classes.votes}>
            {votes.map((vote) => (
              <li key={vote.by_id + vote.at_us} className={classes.vote} data-decision={vote.decision}>
                {vote.decision === 'approve' ? <IconCircleCheck size={18} aria-hidden /> : <IconCircleX size={18} aria-hidden />}
                <div>
                  <p>
                    <strong>
                      <bdi>{vote.by}</bdi>
                    </strong>{' '}
                    {vote.decision === 'approve' ? t('approve.said_yes') : t('approve.said_no')} · <When us={vote.at_us} as="full" />
                  </p>
                  {vote.note && (
                    <p className={classes.note} dir="auto">
                      {vote.note}
                    </p>
                  )}
                  {vote.saw && (
                    <details>
                      <summary>{t('approve.saw')}</summary>
                      {vote.saw}
                    </details>
                  )}
                </div>
              </li>
            ))}
            {Array.from({ length: Math.max(0, needed - given) }, (_, at) => (
              <li key={at} className={classes.vote} data-empty>
                <IconCircleDashed size={18} aria-hidden />
                <p>{t('approve.waits')}</p>
              </li>
            ))}
          </ul>
        </section>
      )}
      {mode === 'approve' && why && <Notice tone="warn">{why}</Notice>}
      {mode === 'approve' && !why && last && needed > 1 && <Notice tone="info">{t('approve.last')}</Notice>}
      {mode === 'approve' && !why && typed && (
        <TextInput
          label={t('approve.typed', { amount: moneyText(i18n.language, typed) })}
          data-autofocus
          value={amount}
          onChange={(e) => setAmount(e.currentTarget.value)}
          error={tried && amountWrong && t('approve.typed_wrong')}
          inputMode="decimal"
          autoComplete="off"
          dir="ltr"
          onKeyDown={(e) => e.key === 'Enter' && send()}
        />
      )}
      {mode === 'refuse' && refuseReasons && (
        <Select
          label={t('reason.code')}
          placeholder={t('reason.choose')}
          data={[...refuseReasons]}
          value={code || null}
          onChange={(value) => setCode(value ?? '')}
          error={tried && codeMissing && t('reason.code_missing')}
          required
        />
      )}
      {(mode === 'refuse' || !why) && (
        <Textarea
          label={mode === 'refuse' && !refuseReasons ? t('reason.note') : t('reason.note_optional')}
          data-autofocus={mode === 'approve' && typed ? undefined : true}
          value={note}
          onChange={(e) => setNote(e.currentTarget.value)}
          error={tried && noteMissing && t('reason.note_missing')}
          minRows={2}
          autosize
          dir="auto"
          onKeyDown={(e) => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && send()}
        />
      )}
      <WriteError error={error} />
    </Dialog>
  );
}
