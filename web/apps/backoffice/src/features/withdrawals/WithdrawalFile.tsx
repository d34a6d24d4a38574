import { useApiQuery } from '@qd/api';
import { duration, useTranslation } from '@qd/i18n';
import { Card, Cards, Changed, Chip, CopyId, ErrorState, KeyValue, Money, Notice, StatusChip, statusText, Steps, useNow, Waited, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { Due } from '../../lib/clock';
import { ClientLink, Named, useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { PaymentHistory } from '../../lib/PaymentHistory';
import { Checks } from './Checks';
import { deskClocks } from './clocks';
import { Legs } from './Legs';
import type { Withdrawal } from './queries';

interface Props {
  w: Withdrawal;
  waiting: number;
  onShow: () => void;
  narrow?: boolean;
}

/** One withdrawal with everything to decide on, and everything that was done with it. */
export function WithdrawalFile({ w, waiting, onShow, narrow }: Props) {
  const { t, i18n } = useTranslation('office-money');
  const { me } = useSession();
  const now = useNow();
  const seesApproval = useCan('approvals.view');
  const history = useApiQuery('/api/v1/withdrawals/{id}/history', { path: { id: w.id } });
  const plan = useApiQuery('/api/v1/withdrawals/{id}/plan', w.state === 'review' && w.legs.length === 0 ? { path: { id: w.id } } : null);
  const approval = useApiQuery('/api/v1/approvals/{id}', w.approval_id && seesApproval ? { path: { id: w.approval_id } } : null);
  const name = useNames([w.client_id, w.account_id, w.claimed_by]);
  const clocks = deskClocks(history.data?.items ?? [], now * 1000);
  const votes = approval.data?.votes ?? [];
  return (
    <>
      <Changed waiting={waiting} onShow={onShow} />
      {w.claimed_by && w.claimed_by !== me.id && w.state === 'review' && <Notice tone="warn">{t('w.claimedBy', { name: name(w.claimed_by) ?? t('colleague') })}</Notice>}
      <Cards min={narrow ? '100%' : '24rem'}>
        <Card title={t('w.request')}>
          <KeyValue
            items={[
              { label: t('amount'), value: <Money value={w.amount} strong /> },
              { label: t('client'), value: <ClientLink id={w.client_id} name={name(w.client_id)} /> },
              { label: t('account'), value: w.account_id ? <Named id={w.account_id} name={name(w.account_id)} /> : t('wallet') },
              { label: t('entity'), value: w.entity.toUpperCase() },
              { label: t('requested'), value: <When us={w.requested_at_us} as="full" /> },
              { label: t('desk'), value: statusText('role', w.desk) },
              { label: t('owner'), value: w.claimed_by ? <Named id={w.claimed_by} name={name(w.claimed_by)} /> : <span className="qd-muted">{t('nobody')}</span> },
              { label: t('due'), value: w.due_at_us && w.state === 'review' ? <Due us={w.due_at_us} /> : null, optional: true },
              ...(['finance', 'compliance'] as const).map((desk) => ({
                label: t(desk === 'finance' ? 'w.atFinance' : 'w.atCompliance'),
                value: clocks[desk] !== undefined ? <Waited seconds={clocks[desk]} /> : null,
                optional: true,
              })),
              { label: t('id'), value: <CopyId id={w.id} /> },
            ]}
          />
        </Card>
        <Card title={t('w.why')}>
          {w.signals.length > 0 ? (
            <ul style={{ display: 'flex', flexWrap: 'wrap', gap: '0.4rem', listStyle: 'none', margin: 0, padding: 0 }}>
              {w.signals.map((s) => (
                <li key={s}>
                  <Chip tone="warn" label={statusText('signal', s)} />
                </li>
              ))}
            </ul>
          ) : (
            <p className="qd-muted" style={{ margin: 0 }}>
              {t('w.noSignals')}
            </p>
          )}
          <KeyValue
            items={[
              { label: t('rule'), value: w.rule ? <bdi>{w.rule === 'manual_override' ? t('w.forced') : w.rule}</bdi> : null, optional: true },
              { label: t('w.votes'), value: w.approvals_needed > 0 ? t('w.votesOf', { given: String(votes.filter((v) => v.approve).length), needed: String(w.approvals_needed) }) : null, optional: true },
              { label: t('reason'), value: w.reason_code ? statusText('reason', w.reason_code) : null, optional: true },
              { label: t('w.words'), value: w.reason_text ? <span dir="auto">{w.reason_text}</span> : null, optional: true },
            ]}
          />
          {votes.length > 0 && (
            <ul style={{ margin: 0, paddingInlineStart: '1.1rem' }}>
              {votes.map((v) => (
                <li key={v.voter_id + v.at_us}>
                  <bdi>{v.voter_label}</bdi> · {t(v.approve ? 'w.saidYes' : 'w.saidNo')} · <When us={v.at_us} as="full" />
                </li>
              ))}
            </ul>
          )}
        </Card>
        {w.checks && (
          <Card title={t('w.checks')} actions={w.checks.at_us ? <span className="qd-muted"><When us={w.checks.at_us} /></span> : undefined}>
            <Checks w={w} />
          </Card>
        )}
        <Card title={w.legs.length ? t('w.legs') : t('w.plan')}>
          {w.legs.length > 0 ? (
            <Legs w={w} />
          ) : plan.data ? (
            <KeyValue
              items={plan.data.items.map((p) => ({
                label: p.deposit_id ? t('w.backTo', { connection: p.connection ?? '' }) : t('w.byBank'),
                value: (
                  <>
                    <Money value={p.amount} /> {p.deposit_id && <ObjectLink object={`deposit:${p.deposit_id}`} />}
                  </>
                ),
              }))}
            />
          ) : (
            <p className="qd-muted" style={{ margin: 0 }}>
              {t('w.noPlan')}
            </p>
          )}
        </Card>
        <Card title={t('steps')}>
          <Steps steps={w.steps.map((s) => ({ ...s, detail: waitingText(s.detail, (time) => t('w.sentWaiting', { time: duration(i18n.language, time) })) }))} />
        </Card>
        <Card title={t('history')}>
          {history.error && !history.data ? <ErrorState error={history.error} onRetry={() => void history.refetch()} /> : <PaymentHistory lines={history.data?.items} kind="withdrawal" />}
        </Card>
      </Cards>
      {!narrow && w.state === 'paid' && w.paid_at_us ? (
        <p className="qd-muted">
          <StatusChip kind="withdrawal" value="paid" size="sm" /> <When us={w.paid_at_us} as="full" />
        </p>
      ) : null}
    </>
  );
}

/** `withdrawal.sent_waiting:12` is a code with a number in it. */
function waitingText(detail: string | null | undefined, say: (seconds: number) => string): string | null {
  const seconds = detail?.match(/sent_waiting:(\d+)$/)?.[1];
  return seconds ? say(Number(seconds)) : (detail ?? null);
}
