import { Button, Checkbox, Menu, Select } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Disabled, errorText, Notice, ReasonDialog, say, useSearchState, useShortcuts } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { IconDots } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { CodedReason, useRejectReasons } from './CodedReason';
import { queueQuery, reasonText, type Case } from './queries';

type Open = 'approve' | 'again' | 'reject' | 'assign' | 'reopen' | null;

/** The verdict about a case: its buttons, their keys, the dialogs behind them, and the next case after it. */
export function useVerdict(file: Case): { buttons: ReactNode; dialogs: ReactNode } {
  const { t } = useTranslation('office-kyc');
  const { me } = useSession();
  const may = useCan('kyc.review');
  const navigate = useNavigate();
  const [search] = useSearchState();
  const [open, setOpen] = useState<Open>(null);
  const [again, setAgain] = useState<readonly string[]>([]);
  const [whys, setWhys] = useState<Readonly<Record<string, string>>>({});
  const [asked, setAsked] = useState(false);
  const [to, setTo] = useState<string | null>(null);
  const close = () => setOpen(null);
  const waits = file.state === 'submitted' || file.state === 'in_review';
  const ended = file.state === 'approved' || file.state === 'rejected' || file.state === 'expired';
  const mine = file.owner?.id === me.id;
  const other = file.owner && !mine ? t('claimedBy', { name: file.owner.name }) : null;
  const undecided = file.requirements.filter((r) => r.state !== 'accepted');
  const reasons = useRejectReasons(file.entity, ['person', 'final']);
  const retry = useRejectReasons(file.entity, ['retry', 'person']);
  // What was handed in is asked for again with a reason the client reads; what is rejected has one already.
  const needsWhy = (code: string) => again.includes(code) && ['pending', 'side_missing', 'accepted'].includes(file.requirements.find((r) => r.code === code)?.state ?? '');
  const colleagues = useApiQuery('/api/v1/colleagues', open === 'assign' ? { query: { role: 'compliance', entity: file.entity } } : null);
  const queue = useApiQuery('/api/v1/kyc/queue', may ? { query: { ...queueQuery(search), limit: 5 } } : null);
  const next = queue.data?.items.find((r) => r.case_id !== file.id && (!r.owner || r.owner.id === me.id));
  const claim = useWrite('post', '/api/v1/kyc/{id}/claim');
  const release = useWrite('post', '/api/v1/kyc/{id}/release');
  const approve = useWrite('post', '/api/v1/kyc/{id}/approve');
  const ask = useWrite('post', '/api/v1/kyc/{id}/ask-again');
  const reject = useWrite('post', '/api/v1/kyc/{id}/reject');
  const assign = useWrite('post', '/api/v1/kyc/{id}/assign');
  const reopen = useWrite('post', '/api/v1/kyc/{id}/reopen');
  const path = { id: file.id };
  const version = file.version;

  const goOn = () => void navigate({ to: (next ? `/kyc/${next.case_id}` : '/kyc') as never, search: search as never });
  const attempt = async (run: () => Promise<unknown>, done: string, leave = false) => {
    try {
      await run();
      close();
      say(done);
      if (leave) goOn();
    } catch {
      // The write's own `error` is shown where it was started.
    }
  };
  const take = () => attempt(() => (mine ? release.run({ path }) : claim.run({ path })), mine ? t('released') : t('claimedSay'));
  const approveWhy = undecided.length > 0 ? t('acceptFirst', { what: undecided.map((r) => serverText('shared', r.title_key)).join(', ') }) : null;

  const group = t('one');
  useShortcuts([
    { keys: 'm', label: mine ? t('release') : t('claim'), group, run: () => void take(), enabled: may && waits && !other && open === null },
    { keys: 'a', label: t('approve'), group, run: () => setOpen('approve'), enabled: may && waits && mine && !approveWhy && open === null },
    { keys: 's', label: t('askAgain'), group, run: () => setOpen('again'), enabled: may && waits && mine && open === null },
    { keys: 'r', label: t('reject'), group, run: () => setOpen('reject'), enabled: may && waits && mine && open === null },
    { keys: 'e', label: t('nextCase'), group, run: goOn, enabled: may && open === null },
  ]);

  const failed = claim.error ?? release.error;
  return {
    buttons: may ? (
      <>
        {waits && mine && (
          <>
            <Disabled why={approveWhy}>
              <Button onClick={() => setOpen('approve')} aria-keyshortcuts="a">
                {t('approve')}
              </Button>
            </Disabled>
            <Button variant="default" onClick={() => setOpen('again')} aria-keyshortcuts="s">
              {t('askAgain')}
            </Button>
            <Button variant="default" color="red" onClick={() => setOpen('reject')} aria-keyshortcuts="r">
              {t('reject')}
            </Button>
          </>
        )}
        {waits && !mine && (
          <Disabled why={other}>
            <Button onClick={() => void take()} loading={claim.busy} aria-keyshortcuts="m">
              {t('claim')}
            </Button>
          </Disabled>
        )}
        {ended && (
          <Button variant="default" onClick={() => setOpen('reopen')}>
            {t('reopen')}
          </Button>
        )}
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" px="xs" aria-label={t('more')}>
              <IconDots size={18} aria-hidden />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {waits && mine && <Menu.Item onClick={() => void take()}>{t('release')}</Menu.Item>}
            {waits && <Menu.Item onClick={() => setOpen('assign')}>{t('assign')}</Menu.Item>}
            <Menu.Item onClick={goOn}>{next ? t('nextCase') : t('backToQueue')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </>
    ) : null,
    dialogs: (
      <>
        {failed ? <Notice tone="bad">{errorText(failed)}</Notice> : null}
        <ReasonDialog
          opened={open === 'approve'}
          onClose={close}
          title={t('approveTitle')}
          text={t('approveText')}
          confirm={t('approve')}
          busy={approve.busy}
          error={approve.error}
          onConfirm={({ note }) => attempt(() => approve.run({ path, body: { reason: note, version } }), t('approvedSay'), true)}
        />
        <ReasonDialog
          opened={open === 'again'}
          onClose={close}
          title={t('askAgain')}
          text={t('againText')}
          confirm={t('askAgain')}
          busy={ask.busy}
          error={ask.error}
          onConfirm={({ note }) => {
            setAsked(true);
            if (again.some((code) => needsWhy(code) && !whys[code])) return;
            void attempt(() => ask.run({ path, body: { reason: note, version, documents: again.map((requirement) => ({ requirement, ...(needsWhy(requirement) ? { reason_code: whys[requirement] } : {}) })) } }), t('askedSay'), true);
          }}
        >
          <Checkbox.Group label={t('whichDocs')} value={[...again]} onChange={setAgain}>
            <div style={{ display: 'grid', gap: '0.4rem', marginBlockStart: '0.4rem' }}>
              {file.requirements.map((r) => (
                <div key={r.code}>
                  <Checkbox value={r.code} label={serverText('shared', r.title_key)} />
                  {needsWhy(r.code) && (
                    <Select
                      mt={4}
                      ms="xl"
                      aria-label={`${serverText('shared', r.title_key)}: ${t('coded')}`}
                      placeholder={t('coded')}
                      data={retry.map((x) => ({ value: x.code, label: reasonText(x.code) }))}
                      value={whys[r.code] ?? null}
                      onChange={(code) => setWhys({ ...whys, [r.code]: code ?? '' })}
                      error={asked && !whys[r.code] ? t('chooseReason') : null}
                    />
                  )}
                </div>
              ))}
            </div>
          </Checkbox.Group>
        </ReasonDialog>
        <CodedReason
          opened={open === 'reject'}
          onClose={close}
          title={t('rejectTitle')}
          text={t('rejectText')}
          reasons={reasons}
          noteLabel={t('internalWhy')}
          noteRequired
          confirm={t('reject')}
          busy={reject.busy}
          error={reject.error}
          onConfirm={({ code, note }) => attempt(() => reject.run({ path, body: { reason_code: code, reason: note, version } }), t('rejectedSay'), true)}
        />
        <ReasonDialog
          opened={open === 'assign'}
          onClose={close}
          title={t('assign')}
          confirm={t('assign')}
          busy={assign.busy}
          error={assign.error}
          onConfirm={({ note }) => to && attempt(() => assign.run({ path, body: { staff_id: to, reason: note } }), t('assignedSay'))}
        >
          <Select label={t('toWhom')} data={(colleagues.data?.items ?? []).map((s) => ({ value: s.id, label: s.name }))} value={to} onChange={setTo} required searchable />
        </ReasonDialog>
        <ReasonDialog
          opened={open === 'reopen'}
          onClose={close}
          title={t('reopen')}
          text={t('reopenText')}
          confirm={t('reopen')}
          busy={reopen.busy}
          error={reopen.error}
          onConfirm={({ note }) => attempt(() => reopen.run({ path, body: { reason: note } }), t('reopenedSay'))}
        />
      </>
    ),
  };
}
