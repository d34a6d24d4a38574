import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, errorText, ErrorState, Money, Notice, Page, useSearchState, When } from '@qd/ui';
import { Link, useParams } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { usePlaceText } from '../../lib/Account';
import { methodText, OperationChip, Review } from '../../lib/parts';
import { ofDeposit } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { ClientSteps, detailText } from '../../lib/Steps';
import { Attempts, retryOf, TryAgain } from './Attempts';
import { instrumentText } from './instrument';

/** Where the money is: the same steps the house sees. */
export function DepositPage() {
  const { t } = useTranslation(['trader-money', 'trader']);
  const { id } = useParams({ strict: false }) as { id: string };
  const [search, set] = useSearchState();
  const place = usePlaceText();
  const deposit = useApiQuery('/api/v1/me/deposits/{id}', { path: { id } }, { refetchInterval: (q) => (q.state.data && !ofDeposit(q.state.data as never).ended ? 2_500 : false) });
  const cancel = useWrite('post', '/api/v1/me/deposits/{id}/cancel', { touches: ['deposit'] });
  const d = deposit.data;
  const crumbs = [{ label: t('trader:nav.history'), to: '/history' }];
  const url = d?.state === 'redirected' ? d.redirect_url : null;
  const left = useRef(false);
  // Straight on to the provider after "Pay", once; whoever comes back stays here.
  useEffect(() => {
    if (!url || search.pay !== '1' || left.current) return;
    left.current = true;
    set({ pay: null }, { replace: true });
    setTimeout(() => location.assign(url), 50);
  }, [url, search.pay, set]);
  if (deposit.error && !d) {
    return (
      <Page title={t('trader:op.deposit')} crumbs={crumbs} width="text">
        <ErrorState error={deposit.error} onRetry={() => void deposit.refetch()} page />
      </Page>
    );
  }
  if (!d) {
    return (
      <Page title={t('trader:op.deposit')} crumbs={crumbs} width="text">
        <Skeleton height={320} radius="md" />
      </Page>
    );
  }
  const op = ofDeposit(d);
  const again = `/deposit?minor=${d.amount.minor}&account=${d.account_id ?? 'wallet'}&currency=${d.amount.currency}`;
  const retry = retryOf(d);
  const differs = d.received && (d.received.minor !== d.amount.minor || d.received.currency !== d.amount.currency);
  return (
    <Page title={t('trader:op.deposit')} crumbs={crumbs} width="text" aside={<OperationChip op={op} />}>
      <div className={classes.big}>
        <Money value={d.received ?? d.amount} />
      </div>
      {d.state === 'created' && search.pay === '1' && <Notice>{t('trader-money:deposit.preparing')}</Notice>}
      {url && (search.returned || search.cancelled) && <Notice>{t(search.cancelled ? 'trader-money:deposit.came_back' : 'trader-money:deposit.confirming')}</Notice>}
      {op.failed && (
        <Notice tone={d.state === 'cancelled' ? 'info' : 'bad'} title={t(`trader-money:deposit.ended.${d.state}` as never)}>
          {d.failure_code ? detailText(d.failure_code, 'payment') : null} {d.state === 'refunding' || d.state === 'refunded' ? null : t('trader-money:not_charged')}
        </Notice>
      )}
      {op.ended && !op.failed && <Notice tone="good">{t('trader-money:deposit.done', { place: place(d.steps.some((s) => s.key === 'deposit.on_trading_account' && s.state === 'failed') ? null : d.account_id) })}</Notice>}
      {retry === 'offer' && (
        <TryAgain
          deposit={d}
          again={again}
          onStarted={() => {
            left.current = false;
            set({ pay: '1', returned: null, cancelled: null }, { replace: true });
          }}
        />
      )}
      {retry === 'for_good' && <Notice>{t('trader-money:deposit.retry.for_good')}</Notice>}
      {retry === 'most' && <Notice>{t('trader-money:deposit.retry.most', { count: d.attempts.length })}</Notice>}
      {differs && <Notice tone="warn">{t('trader-money:deposit.differs')}</Notice>}
      <Card title={t('trader-money:where')}>
        <ClientSteps steps={d.steps} />
      </Card>
      <Attempts deposit={d} />
      <Review
        items={[
          { label: t('trader-money:method'), value: d.instrument ? instrumentText(d.method, d.instrument) : methodText(d.method) },
          { label: t('trader-money:to'), value: place(d.account_id) },
          differs && { label: t('trader-money:asked'), value: <Money value={d.amount} /> },
          d.returned.minor > 0 && { label: t('trader-money:returned'), value: <Money value={d.returned} /> },
          { label: t('trader-money:started'), value: <When us={d.created_at_us} as="full" /> },
          { label: t('trader-money:number'), value: <CopyId id={d.id} /> },
        ]}
      />
      {cancel.error && <Notice tone="bad">{errorText(cancel.error)}</Notice>}
      <div className={classes.foot}>
        {(d.state === 'created' || d.state === 'redirected') && (
          <Button variant="default" loading={cancel.busy} onClick={() => cancel.submit({ path: { id } })}>
            {t('trader-money:deposit.give_up')}
          </Button>
        )}
        {(d.state === 'held' || op.failed) && (
          <Button component={Link} to={`/support/new?about=${d.id}&category=deposit`} variant="default">
            {t('trader-money:ask_us')}
          </Button>
        )}
        {url && (
          <Button component="a" href={url} size="md">
            {t('trader-money:deposit.to_provider')}
          </Button>
        )}
        {op.failed && (
          <Button component={Link} to={again} size="md" variant={retry === 'offer' ? 'default' : 'filled'}>
            {t('trader-money:deposit.again')}
          </Button>
        )}
        {op.ended && !op.failed && d.account_id && (
          <Button component={Link} to={`/accounts/${d.account_id}`} size="md">
            {t('trader-money:deposit.to_account')}
          </Button>
        )}
      </div>
    </Page>
  );
}
