import { Button, Menu } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ApproveDialog, Disabled, KeyValue, moneyText, Money, ReasonDialog, say, statusText, useShortcuts, type Vote } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { IconDots } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { Facts } from '../../lib/Facts';
import { useNames } from '../../lib/names';
import { Checks } from './Checks';
import { DESKS, REJECT_CODES, type Withdrawal } from './queries';

type Open = 'approve' | 'reject' | 'hand_over' | 'note' | 'override' | null;

/** Everything people may do with a withdrawal: its buttons, their keys, and the dialogs behind them. */
export function useDecision(w: Withdrawal): { buttons: ReactNode; dialogs: ReactNode } {
  const { t, i18n } = useTranslation('office-money');
  const { me } = useSession();
  const mayReview = useCan('withdrawals.review');
  const mayApprove = useCan('withdrawals.approve');
  const mayForce = useCan('withdrawals.override');
  const mayNote = useCan('notes.write');
  const seesApproval = useCan('approvals.view');
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const approval = useApiQuery('/api/v1/approvals/{id}', w.approval_id && seesApproval ? { path: { id: w.approval_id } } : null);
  const approve = useWrite('post', '/api/v1/withdrawals/{id}/approve');
  const reject = useWrite('post', '/api/v1/withdrawals/{id}/reject');
  const claim = useWrite('post', '/api/v1/withdrawals/{id}/claim');
  const release = useWrite('post', '/api/v1/withdrawals/{id}/release');
  const hand = useWrite('post', '/api/v1/withdrawals/{id}/hand-over');
  const note = useWrite('post', '/api/v1/withdrawals/{id}/notes', { touches: ['withdrawal', 'client'] });
  const force = useWrite('post', '/api/v1/withdrawals/{id}/override');
  const name = useNames([w.claimed_by, w.client_id]);

  const path = { id: w.id };
  const waits = w.state === 'review';
  const mine = w.claimed_by === me.id;
  const other = w.claimed_by && !mine ? t('w.claimedBy', { name: name(w.claimed_by) ?? t('colleague') }) : null;
  const to = DESKS.find((d) => d !== w.desk) ?? 'finance';
  const amount = moneyText(i18n.language, w.amount);

  /** Runs a write; its dialog stays open with the error when it fails. */
  const attempt = async (run: () => Promise<unknown>, done: string) => {
    try {
      await run();
      close();
      say(done);
    } catch {
      // The write's own `error` is shown in its dialog, or by the page for those without one.
    }
  };
  const take = () => attempt(() => (mine ? release.run({ path }) : claim.run({ path })), mine ? t('w.released') : t('w.claimed'));

  const group = t('w.one');
  useShortcuts([
    { keys: 'a', label: t('approve'), group, run: () => setOpen('approve'), enabled: waits && mayApprove && open === null },
    { keys: 'r', label: t('reject'), group, run: () => setOpen('reject'), enabled: waits && mayReview && !other && open === null },
    { keys: 'm', label: mine ? t('release') : t('claim'), group, run: () => void take(), enabled: waits && mayReview && !other && open === null },
    { keys: 'h', label: t('handOver'), group, run: () => setOpen('hand_over'), enabled: waits && mayReview && !other && open === null },
    { keys: 'n', label: t('note'), group, run: () => setOpen('note'), enabled: mayNote && open === null },
  ]);

  const votes: Vote[] = (approval.data?.votes ?? []).map((v) => ({
    by_id: v.voter_id,
    by: v.voter_label,
    at_us: v.at_us,
    decision: v.approve ? 'approve' : 'refuse',
    note: v.reason || null,
    saw: <Facts value={v.seen} hide={['version']} />,
  }));
  const more = (waits && mayReview) || mayNote || (waits && mayForce);

  return {
    buttons: (
      <>
        {waits && mayApprove && (
          <Button onClick={() => setOpen('approve')} aria-keyshortcuts="a">
            {t('approve')}
          </Button>
        )}
        {waits && mayReview && (
          <>
            <Disabled why={other}>
              <Button variant="default" color="red" onClick={() => setOpen('reject')} aria-keyshortcuts="r">
                {t('reject')}
              </Button>
            </Disabled>
            <Disabled why={other}>
              <Button variant="default" loading={claim.busy || release.busy} onClick={() => void take()} aria-keyshortcuts="m">
                {mine ? t('release') : t('claim')}
              </Button>
            </Disabled>
          </>
        )}
        {more && (
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" aria-label={t('more')} px="xs">
                <IconDots size={18} aria-hidden />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {waits && mayReview && !other && <Menu.Item onClick={() => setOpen('hand_over')}>{t(to === 'compliance' ? 'w.toCompliance' : 'w.toFinance')}</Menu.Item>}
              {mayNote && <Menu.Item onClick={() => setOpen('note')}>{t('note')}</Menu.Item>}
              {waits && mayForce && (
                <Menu.Item color="red" onClick={() => setOpen('override')}>
                  {t('w.force')}
                </Menu.Item>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
      </>
    ),
    dialogs: (
      <>
        <ApproveDialog
          opened={open === 'approve'}
          onClose={close}
          title={t('w.approveTitle')}
          facts={
            <>
              <KeyValue
                items={[
                  { label: t('amount'), value: <Money value={w.amount} strong /> },
                  { label: t('client'), value: <bdi>{name(w.client_id)}</bdi> },
                  { label: t('signals'), value: w.signals.length ? w.signals.map((s) => statusText('signal', s)).join(' · ') : null, optional: true },
                ]}
              />
              <Checks w={w} />
            </>
          }
          votes={votes}
          needed={w.approvals_needed}
          me={me.id}
          requestedBy={approval.data && !approval.data.requester_may_vote ? approval.data.requester_id : null}
          typed={w.approvals_needed > 1 ? w.amount : null}
          busy={approve.busy && 'approve'}
          error={approve.error}
          onApprove={({ note: reason }) => attempt(() => approve.run({ path, body: { reason: reason || null } }), t('w.approvedSay', { amount }))}
        />
        <ReasonDialog
          opened={open === 'reject'}
          onClose={close}
          title={t('w.rejectTitle')}
          text={t('w.rejectText', { amount })}
          reasons={REJECT_CODES.map((value) => ({ value, label: statusText('reason', value) }))}
          note="required"
          confirm={t('reject')}
          danger
          busy={reject.busy}
          error={reject.error}
          onConfirm={({ code, note: reason }) => attempt(() => reject.run({ path, body: { reason_code: code, reason } }), t('w.rejectedSay'))}
        />
        <ReasonDialog
          opened={open === 'hand_over'}
          onClose={close}
          title={t(to === 'compliance' ? 'w.toCompliance' : 'w.toFinance')}
          text={t('w.handText')}
          confirm={t('handOver')}
          busy={hand.busy}
          error={hand.error}
          onConfirm={({ note: comment }) => attempt(() => hand.run({ path, body: { desk: to, comment } }), t('w.handedSay'))}
        />
        <ReasonDialog
          opened={open === 'note'}
          onClose={close}
          title={t('note')}
          text={t('w.noteText')}
          confirm={t('save')}
          busy={note.busy}
          error={note.error}
          onConfirm={({ note: body }) => attempt(() => note.run({ path, body: { body } }), t('w.noted'))}
        />
        <ReasonDialog
          opened={open === 'override'}
          onClose={close}
          title={t('w.forceTitle')}
          text={t('w.forceText')}
          typed={amount}
          confirm={t('w.force')}
          danger
          busy={force.busy}
          error={force.error}
          onConfirm={({ note: reason }) => attempt(() => force.run({ path, body: { reason } }), t('w.forcedSay'))}
        />
      </>
    ),
  };
}
