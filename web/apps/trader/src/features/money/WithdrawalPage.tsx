import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { hasText, serverText, useTranslation } from '@qd/i18n';
import { Card, CopyId, errorText, ErrorState, Money, Notice, Page, StatusChip, When } from '@qd/ui';
import { Link, useParams } from '@tanstack/react-router';
import { usePlaceText } from '../../lib/Account';
import { methodText, Review } from '../../lib/parts';
import { ofWithdrawal, useOperations } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { ClientSteps, detailText } from '../../lib/Steps';
import { instrumentText } from './instrument';

const cancellable = ['collecting', 'deciding', 'review'];

/** A withdrawal on its way: steps done, the present one, how long it takes, who has to act. */
export function WithdrawalPage() {
  const { t } = useTranslation(['trader-money', 'trader']);
  const { id } = useParams({ strict: false }) as { id: string };
  const place = usePlaceText();
  const withdrawal = useApiQuery('/api/v1/me/withdrawals/{id}', { path: { id } }, { refetchInterval: (q) => (q.state.data && !ofWithdrawal(q.state.data as never).ended ? 3_000 : false) });
  const operations = useOperations(true);
  const cancel = useWrite('post', '/api/v1/me/withdrawals/{id}/cancel', { touches: ['withdrawal', 'trading'] });
  const w = withdrawal.data;
  const crumbs = [{ label: t('trader:nav.history'), to: '/history' }];
  if (withdrawal.error && !w) {
    return (
      <Page title={t('trader:op.withdrawal')} crumbs={crumbs} width="text">
        <ErrorState error={withdrawal.error} onRetry={() => void withdrawal.refetch()} page />
      </Page>
    );
  }
  if (!w) {
    return (
      <Page title={t('trader:op.withdrawal')} crumbs={crumbs} width="text">
        <Skeleton height={320} radius="md" />
      </Page>
    );
  }
  const op = ofWithdrawal(w);
  const means = (leg: (typeof w.legs)[number]): string => {
    if (leg.kind === 'bank') return t('trader-money:withdraw.to_bank');
    const deposit = operations.rows.find((o) => o.id === leg.deposit_id)?.deposit;
    return t('trader-money:withdraw.back_to', { means: deposit ? instrumentText(deposit.method, deposit.instrument) : methodText('source') });
  };
  const reason = w.reason_code ? (hasText('shared', `reason.${w.reason_code}`) ? serverText('shared', `reason.${w.reason_code}`) : detailText(w.reason_code)) : null;
  return (
    <Page title={t('trader:op.withdrawal')} crumbs={crumbs} width="text" aside={<StatusChip kind="withdrawal" value={w.state} audience="client" />}>
      <div className={classes.big}>
        <Money value={w.amount} />
      </div>
      {w.state === 'paid' && <Notice tone="good">{t('trader-money:withdraw.paid_text')}</Notice>}
      {op.failed && (
        <Notice tone={w.state === 'cancelled' ? 'info' : 'bad'} title={t(`trader-money:withdraw.ended.${w.state}` as never)}>
          {reason ? `${t('trader-money:withdraw.because', { reason })} ` : null}
          {t('trader-money:withdraw.still_yours')}
        </Notice>
      )}
      <Card title={t('trader-money:where')}>
        <ClientSteps steps={w.steps} />
        {w.state === 'review' && w.due_at_us && (
          <p className={classes.note}>
            {t('trader-money:withdraw.due')} <When us={w.due_at_us} as="full" />
          </p>
        )}
      </Card>
      {w.legs.length > 0 && (
        <Card title={t('trader-money:withdraw.where_to')}>
          <ul className={classes.list}>
            {w.legs.map((leg) => (
              <li key={leg.n}>
                <div className={classes.row}>
                  <span />
                  <span className={classes.rowText}>
                    <span className={classes.rowTitle}>{means(leg)}</span>
                    {leg.done_at_us ? (
                      <span className={classes.rowNote}>
                        <When us={leg.done_at_us} as="full" />
                      </span>
                    ) : null}
                  </span>
                  <span className={classes.rowEnd}>
                    <Money value={leg.amount} />
                    <StatusChip kind="leg" value={leg.state} audience="client" size="sm" />
                  </span>
                </div>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Review
        items={[
          { label: t('trader-money:from'), value: place(w.account_id) },
          { label: t('trader-money:fee'), value: <Money value={{ minor: 0, currency: w.amount.currency }} /> },
          { label: t('trader-money:started'), value: <When us={w.requested_at_us} as="full" /> },
          { label: t('trader-money:number'), value: <CopyId id={w.id} /> },
        ]}
      />
      {cancel.error && <Notice tone="bad">{errorText(cancel.error)}</Notice>}
      <div className={classes.foot}>
        <Button component={Link} to={`/support/new?about=${w.id}&category=withdrawal`} variant="default">
          {t('trader-money:ask_us')}
        </Button>
        {cancellable.includes(w.state) && (
          <Button variant="default" loading={cancel.busy} onClick={() => cancel.submit({ path: { id } })}>
            {t('trader-money:withdraw.cancel')}
          </Button>
        )}
      </div>
    </Page>
  );
}
