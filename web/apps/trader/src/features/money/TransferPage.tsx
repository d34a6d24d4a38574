import { Button, Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, ErrorState, Money, Notice, Page, Price, StatusChip, When, type Step } from '@qd/ui';
import { Link, useParams } from '@tanstack/react-router';
import { usePlaceText } from '../../lib/Account';
import { Review } from '../../lib/parts';
import { ofTransfer, type Transfer } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { ClientSteps, detailText } from '../../lib/Steps';
import { rateSource } from './Quote';

/** The API tells a transfer's state; its steps follow from where it goes. */
export function stepsOf(x: Transfer): Step[] {
  const ended = x.state === 'done';
  const failed = x.state === 'refused' || x.state === 'returned';
  const steps: Step[] = [{ key: 'transfer.requested', state: 'done', at_us: x.created_at_us }];
  if (failed) return [...steps, { key: `transfer.${x.state}`, state: 'failed', at_us: x.changed_at_us, detail: x.reason_code ?? null }];
  if (x.from_account) steps.push({ key: 'transfer.collected', state: x.state === 'collecting' ? 'current' : 'done', waiting_for: 'platform', expected_s: 5 });
  if (x.to_account) steps.push({ key: 'transfer.credited', state: ended ? 'done' : x.state === 'sending' ? 'current' : 'waiting', at_us: ended ? x.changed_at_us : null, waiting_for: 'platform', expected_s: 5 });
  else steps.push({ key: 'transfer.in_wallet', state: ended ? 'done' : 'waiting', at_us: ended ? x.changed_at_us : null });
  return steps;
}

export function TransferPage() {
  const { t } = useTranslation(['trader-money', 'trader']);
  const { id } = useParams({ strict: false }) as { id: string };
  const place = usePlaceText();
  const transfer = useApiQuery('/api/v1/me/transfers/{id}', { path: { id } }, { refetchInterval: (q) => (q.state.data && !ofTransfer(q.state.data as never).ended ? 1_500 : false) });
  const x = transfer.data;
  const crumbs = [{ label: t('trader:nav.history'), to: '/history' }];
  if (!x) {
    return (
      <Page title={t('trader:op.transfer')} crumbs={crumbs} width="text">
        {transfer.error ? <ErrorState error={transfer.error} onRetry={() => void transfer.refetch()} page /> : <Skeleton height={240} radius="md" />}
      </Page>
    );
  }
  const op = ofTransfer(x);
  return (
    <Page title={t('trader:op.transfer')} crumbs={crumbs} width="text" aside={<StatusChip kind="transfer" value={x.state} audience="client" />}>
      <div className={classes.big}>
        <Money value={x.amount} />
      </div>
      {op.failed && (
        <Notice tone="bad" title={t(`trader-money:transfer.ended.${x.state}` as never)}>
          {x.reason_code ? `${detailText(x.reason_code)} ` : null}
          {t('trader-money:transfer.still_yours')}
        </Notice>
      )}
      {x.exchanged_back && <Notice tone="warn">{t('trader-money:fx.back')}</Notice>}
      <Card title={t('trader-money:where')}>
        <ClientSteps steps={stepsOf(x)} />
      </Card>
      <Review
        items={[
          { label: t('trader-money:from'), value: place(x.from_account) },
          { label: t('trader-money:to'), value: place(x.to_account) },
          x.rate !== null && { label: t('trader-money:fx.you_give'), value: <Money value={x.amount} /> },
          x.rate !== null && { label: t('trader-money:fx.you_get'), value: <Money value={x.gets} />, strong: true },
          x.rate !== null && { label: `${t('trader-money:fx.rate')} (${t('trader-money:fx.pair', { from: x.amount.currency, to: x.gets.currency })})`, value: <Price value={x.rate} /> },
          x.rate_source ? { label: t('trader-money:fx.source'), value: <bdi>{rateSource(x.rate_source)}</bdi> } : null,
          x.rate_at_us ? { label: t('trader-money:fx.at'), value: <When us={x.rate_at_us} as="full" /> } : null,
          { label: t('trader-money:started'), value: <When us={x.created_at_us} as="full" /> },
          { label: t('trader-money:number'), value: <CopyId id={x.id} /> },
        ]}
      />
      <div className={classes.foot}>
        {op.failed && (
          <Button component={Link} to={`/support/new?about=${x.id}&category=account`} variant="default">
            {t('trader-money:ask_us')}
          </Button>
        )}
        <Button component={Link} to={x.to_account ? `/accounts/${x.to_account}` : '/'} variant={op.ended ? 'filled' : 'default'}>
          {t(x.to_account ? 'trader-money:deposit.to_account' : 'trader-money:to_home')}
        </Button>
      </div>
    </Page>
  );
}
