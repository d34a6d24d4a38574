import { Button, Select, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { EmptyState, errorText, ErrorState, Money, MoneyInput, moneyText, Notice, Page, useSearchState } from '@qd/ui';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { usePlaces } from '../../lib/Account';
import { Choices, methodText, RiskWarning, Review } from '../../lib/parts';
import { useRecord } from '../../lib/queries';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';
import { feeMinor, feeText, quickAmounts, termsArrival } from './amounts';

/** Money in: how, how much, where to; everything that matters is said before the last tap. */
function DepositFormScreen() {
  const { t, i18n } = useTranslation(['trader-money', 'trader']);
  const [search, set] = useSearchState();
  const navigate = useNavigate();
  const methods = useApiQuery('/api/v1/me/deposit-methods');
  const record = useRecord();
  const places = usePlaces();
  const create = useWrite('post', '/api/v1/me/deposits', { durable: 'deposit', touches: ['deposit'], onDone: (d) => void navigate({ to: `/deposits/${d.id}`, search: { pay: '1' } as never }) });
  const [fault, setFault] = useState<string | null>(null);
  const title = t('trader-money:deposit.title');
  const m = methods.data;
  const me = record.data;
  if (methods.error && !m) {
    return (
      <Page title={title} width="text">
        <ErrorState error={methods.error} onRetry={() => void methods.refetch()} />
      </Page>
    );
  }
  if (!m || !me) {
    return (
      <Page title={title} width="text">
        <Skeleton height={320} radius="md" />
      </Page>
    );
  }
  const unverified = m.unverified_limit;
  if (m.stopped || m.items.length === 0 || (unverified && BigInt(unverified.minor) === 0n)) {
    const why = m.stopped ? 'stopped' : m.items.length === 0 ? 'no_methods' : 'verify';
    return (
      <Page title={title} width="text">
        <EmptyState
          kind="locked"
          title={t(`trader-money:deposit.locked.${why}`)}
          text={t(`trader-money:deposit.locked.${why}_text`)}
          action={
            <Button component={Link} to={why === 'verify' ? '/verification' : '/support/new?category=deposit'}>
              {t(why === 'verify' ? 'trader-money:to_verification' : 'trader-money:ask_us')}
            </Button>
          }
        />
      </Page>
    );
  }
  const method = m.items.find((x) => x.method === search.method && !x.unavailable) ?? m.items.find((x) => !x.unavailable) ?? m.items[0]!;
  // Before the verification only so much, in one currency.
  const currencies = unverified ? method.currencies.filter((c) => c === unverified.currency) : method.currencies;
  const most = unverified ? Math.min(method.max_minor, Number(unverified.minor)) : method.max_minor;
  const fits = places.filter((p) => currencies.includes(p.account.currency));
  const wanted = search.account === 'wallet' ? null : (fits.find((p) => p.value === search.account) ?? fits[0] ?? null);
  const currency = wanted?.account.currency ?? (currencies.includes(search.currency ?? '') ? search.currency! : currencies.includes(me.base_currency) ? me.base_currency : (currencies[0] ?? method.currencies[0]!));
  const minor = /^\d{1,15}$/.test(search.minor ?? '') ? Number(search.minor) : null;
  const range = { least: moneyText(i18n.language, { minor: method.min_minor, currency }), most: moneyText(i18n.language, { minor: most, currency }) };
  const wrong = minor === null ? null : minor < method.min_minor || minor > most ? t('trader-money:deposit.range', range) : null;
  const review = search.step === 'review' && minor !== null && !wrong && !method.unavailable;
  const amount = { minor: minor ?? 0, currency };
  const to = wanted ? wanted.label : t('trader:wallet');
  const fee = feeMinor(method, amount.minor, currency);
  const total = { minor: amount.minor + fee, currency };

  if (review) {
    return (
      <Page title={t('trader-money:deposit.review')} crumbs={[{ label: title, to: '/deposit' }]} width="text">
        <Review
          items={[
            { label: t('trader-money:method'), value: methodText(method.method) },
            { label: t('trader-money:you_pay'), value: <Money value={total} /> },
            { label: t('trader-money:payment_fee'), value: fee > 0 ? <Money value={{ minor: fee, currency }} /> : t('trader-money:no_fee') },
            { label: t('trader-money:arrives'), value: <Money value={amount} />, strong: true },
            { label: t('trader-money:to'), value: to },
            { label: t('trader-money:when'), value: termsArrival(i18n.language, method) },
          ]}
        />
        <p className={classes.note}>{t('trader-money:deposit.own_name')}</p>
        {create.error && (
          <Notice tone="bad" title={errorText(create.error)}>
            {t(create.error.outcome === 'unknown' ? 'trader-money:unknown' : 'trader-money:nothing_done')}
          </Notice>
        )}
        <div className={classes.foot}>
          <Button variant="default" size="md" onClick={() => set({ step: null })} disabled={create.busy}>
            {t('trader-money:change')}
          </Button>
          <Button size="md" loading={create.busy} onClick={() => create.submit({ body: { amount, method: method.method, account_id: wanted?.value ?? null } })}>
            {t('trader-money:deposit.pay', { amount: moneyText(i18n.language, total) })}
          </Button>
        </div>
        <RiskWarning />
      </Page>
    );
  }

  const next = (event: FormEvent) => {
    event.preventDefault();
    if (method.unavailable) return;
    if (minor === null) setFault(t('trader-money:amount_missing'));
    else if (!wrong) set({ step: 'review', method: method.method, account: wanted?.value ?? 'wallet', currency });
    if (minor === null || wrong) document.querySelector<HTMLElement>('[name="amount"]')?.focus();
  };
  return (
    <Page title={title} width="text">
      <form onSubmit={next} noValidate className={classes.field}>
        {unverified && <Notice>{t('trader-money:deposit.unverified', { limit: moneyText(i18n.language, unverified) })}</Notice>}
        <Choices
          legend={t('trader-money:deposit.how')}
          name="method"
          value={method.method}
          onChange={(v) => set({ method: v }, { replace: true })}
          options={m.items.map((x) => ({
            value: x.method,
            name: methodText(x.method),
            disabled: x.unavailable,
            notes: [
              x.unavailable ? t('trader-money:unavailable') : null,
              feeText(i18n.language, x, currency),
              t('trader-money:limits', { least: moneyText(i18n.language, { minor: x.min_minor, currency }), most: moneyText(i18n.language, { minor: x.max_minor, currency }) }),
              termsArrival(i18n.language, x),
            ],
          }))}
        />
        <Select
          label={t('trader-money:to')}
          size="md"
          data={[...fits.map((p) => ({ value: p.value, label: `${p.label} (${p.account.currency})` })), { value: 'wallet', label: t('trader:wallet') }]}
          value={wanted?.value ?? 'wallet'}
          onChange={(v) => set({ account: v }, { replace: true })}
        />
        {!wanted && currencies.length > 1 && (
          <Select label={t('trader-money:currency')} size="md" data={currencies} value={currency} onChange={(v) => set({ currency: v }, { replace: true })} />
        )}
        <MoneyInput
          key={currency}
          name="amount"
          label={t('trader-money:amount')}
          description={t('trader-money:deposit.range', range)}
          size="md"
          currency={currency}
          value={minor}
          error={minor === null ? fault : wrong}
          onChange={(v) => {
            setFault(null);
            set({ minor: v === null ? null : String(v) }, { replace: true });
          }}
        />
        <div className={classes.quick} role="group" aria-label={t('trader-money:quick')}>
          {quickAmounts(method.min_minor, most, currency).map((q) => (
            <Button key={q} variant={minor === q ? 'light' : 'default'} size="compact-md" aria-pressed={minor === q} onClick={() => set({ minor: String(q) }, { replace: true })}>
              {moneyText(i18n.language, { minor: q, currency }).replace(/[.,]0+$/, '')}
            </Button>
          ))}
        </div>
        <div className={classes.foot}>
          <Button type="submit" size="md" disabled={method.unavailable}>
            {t('trader-money:review')}
          </Button>
        </div>
      </form>
      <RiskWarning />
    </Page>
  );
}

export const DepositForm = proven(DepositFormScreen, 'trader:nav.deposit');
