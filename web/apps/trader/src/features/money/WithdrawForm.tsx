import { Button, Select, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { duration, useTranslation } from '@qd/i18n';
import { Card, Disabled, EmptyState, errorText, ErrorState, Money, MoneyInput, moneyText, Notice, Page, useSearchState, When } from '@qd/ui';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { usePlaces } from '../../lib/Account';
import { methodText, Review } from '../../lib/parts';
import { useAccounts, useRecord, useWallet } from '../../lib/queries';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';
import { instrumentText } from './instrument';

/** Money out: what can be had and why not more, where it goes, what happens then. */
function WithdrawFormScreen() {
  const { t, i18n } = useTranslation(['trader-money', 'trader']);
  const [search, set] = useSearchState();
  const navigate = useNavigate();
  const accounts = useAccounts();
  const wallet = useWallet();
  const record = useRecord();
  const places = usePlaces();
  const [fault, setFault] = useState<string | null>(null);
  const create = useWrite('post', '/api/v1/me/withdrawals', { durable: 'withdrawal', touches: ['withdrawal', 'trading'], onDone: (w) => void navigate({ to: `/withdrawals/${w.id}` }) });
  const me = record.data;
  const base = me?.base_currency ?? 'EUR';
  const wallets = wallet.data?.items ?? [];
  const sources = [
    ...wallets.map((w) => ({ value: `wallet:${w.currency}`, label: `${t('trader:wallet')} ${w.currency}`, currency: w.currency, free: w.available_minor, account: null as string | null, wallet: w, read: null as number | null })),
    ...places.map((p) => ({ value: p.value, label: p.label, currency: p.account.currency, free: p.account.reading?.free_margin_minor ?? 0, account: p.value as string | null, wallet: null, read: p.account.reading?.read_at_us ?? null })),
  ];
  const source = sources.find((s) => s.value === search.account) ?? sources.find((s) => s.free > 0) ?? sources[0];
  const currency = source?.currency ?? base;
  const minor = /^\d{1,15}$/.test(search.minor ?? '') ? Number(search.minor) : null;
  const preview = useApiQuery('/api/v1/me/withdrawal-preview', me ? { query: { minor: minor && minor > 0 ? minor : 1, currency } } : null, { placeholderData: (old) => old, staleTime: 0 });
  const p = preview.data;
  const title = t('trader-money:withdraw.title');
  const error = accounts.error ?? wallet.error ?? record.error ?? (p ? null : preview.error);
  if (error && !(accounts.data && wallet.data && me)) {
    return (
      <Page title={title} width="text">
        <ErrorState error={error} onRetry={() => void Promise.all([accounts.refetch(), wallet.refetch(), record.refetch(), preview.refetch()])} />
      </Page>
    );
  }
  if (!accounts.data || !wallet.data || !me || !p) {
    return (
      <Page title={title} width="text">
        {preview.error ? <ErrorState error={preview.error} onRetry={() => void preview.refetch()} /> : <Skeleton height={320} radius="md" />}
      </Page>
    );
  }
  if (!p.verified || p.stopped || !source) {
    const why = !p.verified ? 'verify' : p.stopped ? 'stopped' : 'nothing';
    return (
      <Page title={title} width="text">
        <EmptyState
          kind="locked"
          title={t(`trader-money:withdraw.locked.${why}`)}
          text={t(`trader-money:withdraw.locked.${why}_text`)}
          action={
            <Button component={Link} to={why === 'verify' ? '/verification' : why === 'nothing' ? '/deposit' : '/support/new?category=withdrawal'}>
              {t(why === 'verify' ? 'trader-money:to_verification' : why === 'nothing' ? 'trader:nav.deposit' : 'trader-money:ask_us')}
            </Button>
          }
        />
      </Page>
    );
  }
  const least = p.least.currency === currency ? p.least.minor : null;
  const wrong =
    minor === null ? null : minor > source.free ? t('trader-money:withdraw.too_much', { amount: moneyText(i18n.language, { minor: source.free, currency }) }) : least !== null && minor < least ? t('trader-money:withdraw.too_little', { amount: moneyText(i18n.language, p.least) }) : null;
  const amount = { minor: minor ?? 0, currency };
  const parts = (
    <Review
      items={p.parts.map((part) => ({
        label: part.method === 'bank' ? t('trader-money:withdraw.to_bank') : t('trader-money:withdraw.back_to', { means: part.instrument ? instrumentText(part.method, part.instrument) : methodText(part.method) }),
        value: <Money value={part.amount} />,
      }))}
    />
  );
  if (search.step === 'review' && minor !== null && !wrong) {
    return (
      <Page title={t('trader-money:withdraw.review')} crumbs={[{ label: title, to: '/withdraw' }]} width="text">
        <Review
          items={[
            { label: t('trader-money:from'), value: source.label },
            { label: t('trader-money:fee'), value: <Money value={{ minor: 0, currency }} /> },
            { label: t('trader-money:you_get'), value: <Money value={amount} />, strong: true },
            { label: t('trader-money:when'), value: t('trader-money:withdraw.when', { time: duration(i18n.language, p.review_hours * 3_600) }) },
          ]}
        />
        <Card title={t('trader-money:withdraw.where_to')}>
          {parts}
          <p className={classes.note}>{t('trader-money:withdraw.source_text')}</p>
        </Card>
        {source.account && <p className={classes.note}>{t('trader-money:withdraw.platform_first')}</p>}
        {create.error && create.error.kind !== 'declined' && (
          <Notice tone="bad" title={errorText(create.error)}>
            {t(create.error.outcome === 'unknown' ? 'trader-money:unknown' : 'trader-money:nothing_done')}
          </Notice>
        )}
        <div className={classes.foot}>
          <Button variant="default" size="md" onClick={() => set({ step: null })} disabled={create.busy}>
            {t('trader-money:change')}
          </Button>
          <Button size="md" loading={create.busy} onClick={() => create.submit({ body: { amount, account_id: source.account } })}>
            {t('trader-money:withdraw.do', { amount: moneyText(i18n.language, amount) })}
          </Button>
        </div>
      </Page>
    );
  }
  const next = (event: FormEvent) => {
    event.preventDefault();
    if (!minor) setFault(t('trader-money:amount_missing'));
    else if (!wrong) set({ step: 'review', account: source.value });
    if (!minor || wrong) document.querySelector<HTMLElement>('[name="amount"]')?.focus();
  };
  return (
    <Page title={title} width="text">
      <form onSubmit={next} noValidate className={classes.field}>
        <Select label={t('trader-money:from')} size="md" data={sources.map((s) => ({ value: s.value, label: `${s.label} · ${moneyText(i18n.language, { minor: s.free, currency: s.currency })}` }))} value={source.value} onChange={(v) => set({ account: v, minor: null }, { replace: true })} />
        <Card title={t('trader-money:withdraw.available')}>
          <div className={classes.big}>
            <Money value={{ minor: source.free, currency }} />
          </div>
          {source.account ? (
            <p className={classes.note}>
              {t('trader-money:withdraw.free_why')} {source.read ? <>{t('trader:account.read')} <When us={source.read} /></> : null}
            </p>
          ) : (
            <p className={classes.note}>{source.wallet && source.wallet.held_minor > 0 ? t('trader-money:withdraw.held_why', { amount: moneyText(i18n.language, { minor: source.wallet.held_minor, currency }) }) : t('trader-money:withdraw.wallet_why')}</p>
          )}
        </Card>
        <MoneyInput
          key={source.value}
          name="amount"
          label={t('trader-money:amount')}
          description={t('trader-money:withdraw.least', { amount: moneyText(i18n.language, p.least) })}
          size="md"
          currency={currency}
          value={minor}
          error={minor === null ? fault : wrong}
          onChange={(v) => {
            setFault(null);
            set({ minor: v === null ? null : String(v) }, { replace: true });
          }}
        />
        <div className={classes.quick}>
          <Disabled why={source.free <= 0 ? t('trader-money:withdraw.locked.nothing') : null}>
            <Button variant="default" size="compact-md" onClick={() => set({ minor: String(source.free) }, { replace: true })}>
              {t('trader-money:withdraw.all')}
            </Button>
          </Disabled>
        </div>
        {minor !== null && minor > 0 && !wrong && p.parts.length > 0 && (
          <Card title={t('trader-money:withdraw.where_to')}>
            {parts}
            <p className={classes.note}>{t('trader-money:withdraw.source_text')}</p>
          </Card>
        )}
        <div className={classes.foot}>
          <Button type="submit" size="md">
            {t('trader-money:review')}
          </Button>
        </div>
      </form>
    </Page>
  );
}

export const WithdrawForm = proven(WithdrawFormScreen, 'trader:nav.withdraw');
