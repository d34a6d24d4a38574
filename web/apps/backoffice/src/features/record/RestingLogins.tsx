import { Button, Group } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ApproveDialog, ErrorState, KeyValue, Notice, ReasonDialog, say, StatusChip, Value, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useState } from 'react';
import classes from './record.module.css';

/**
 * The sign-ins of the record that went: they rest until one person asks that they open the record that
 * stayed, and compliance, somebody else, says yes.
 */
export function RestingLogins({ duplicate }: { duplicate: string }) {
  const { t } = useTranslation('office-record');
  const { me } = useSession();
  const decides = useCan('kyc.review');
  const path = { id: duplicate };
  const found = useApiQuery('/api/v1/duplicates/{id}/logins', { path });
  const ask = useWrite('post', '/api/v1/duplicates/{id}/logins/move');
  const decide = useWrite('post', '/api/v1/duplicates/{id}/logins/decide');
  const [open, setOpen] = useState<'ask' | 'decide' | null>(null);
  if (found.error && !found.data) return <ErrorState error={found.error} onRetry={() => void found.refetch()} retrying={found.isFetching} />;
  const all = found.data?.logins ?? [];
  if (all.length === 0) return null;
  const resting = all.filter((l) => l.moved_at_us === null);
  const waiting = found.data?.approvals.find((a) => a.state === 'waiting');
  const asked = waiting ?? found.data?.approvals[0];
  const close = () => setOpen(null);
  const attempt = async (run: () => Promise<unknown>, done: string) => {
    try {
      await run();
      close();
      void found.refetch();
      say(done);
    } catch {
      // Shown by its dialog.
    }
  };
  return (
    <section className={classes.resting} aria-label={t('resting.title')}>
      <h3>{t('resting.title')}</h3>
      <ul>
        {all.map((l) => (
          <li key={l.login_id}>
            <bdi dir="ltr">
              <Value mask="contact">{l.email}</Value>
            </bdi>{' '}
            <span className="qd-muted">
              {l.moved_at_us === null ? t('resting.since') : t('resting.moved')} <When us={l.moved_at_us ?? l.held_at_us} />
            </span>
          </li>
        ))}
      </ul>
      {asked && (
        <p className="qd-muted">
          <StatusChip kind="approval" value={asked.state} /> {t('resting.asked')} <bdi>{asked.requester_label}</bdi> · <When us={asked.created_at_us} /> · <span dir="auto">{asked.reason}</span>
        </p>
      )}
      <Group gap="xs">
        {resting.length > 0 && !waiting && (
          <Button size="compact-sm" variant="default" onClick={() => setOpen('ask')}>
            {t('resting.ask')}
          </Button>
        )}
        {waiting && decides && (
          <Button size="compact-sm" onClick={() => setOpen('decide')}>
            {t('resting.decide')}
          </Button>
        )}
        {waiting && !decides && <Notice>{t('resting.waits')}</Notice>}
      </Group>
      <ReasonDialog
        opened={open === 'ask'}
        onClose={close}
        title={t('resting.askTitle')}
        text={t('resting.askText')}
        confirm={t('resting.ask')}
        busy={ask.busy}
        error={ask.error}
        onConfirm={({ note }) => void attempt(() => ask.run({ path, body: { reason: note } }), t('resting.askedSay'))}
      />
      <ApproveDialog
        opened={open === 'decide'}
        onClose={close}
        title={t('resting.decideTitle')}
        facts={
          <KeyValue
            items={[
              { label: t('resting.title'), value: <bdi dir="ltr">{resting.map((l) => l.email).join(', ')}</bdi> },
              { label: t('resting.asked'), value: <bdi>{waiting?.requester_label}</bdi> },
              { label: t('reason'), value: <span dir="auto">{waiting?.reason}</span> },
            ]}
          />
        }
        votes={[]}
        needed={1}
        me={me.id}
        requestedBy={waiting && !waiting.requester_may_vote ? waiting.requester_id : null}
        busy={decide.busy && 'approve'}
        error={decide.error}
        onApprove={({ note }) => void attempt(() => decide.run({ path, body: { approve: true, reason: note } }), t('resting.movedSay'))}
        onRefuse={({ note }) => void attempt(() => decide.run({ path, body: { approve: false, reason: note } }), t('resting.refusedSay'))}
      />
    </section>
  );
}
