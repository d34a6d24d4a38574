import { ActionIcon, Button, Select, Skeleton } from '@mantine/core';
import { isApiError, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { EmptyState, errorText, ErrorState, Money, MoneyInput, moneyText, Notice, Page, useSearchState } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { IconArrowsSort } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { usePlaces } from '../../lib/Account';
import { Review } from '../../lib/parts';
import { useAccounts, useWallet } from '../../lib/queries';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';
import { type Quote, QuoteCard, useLeft } from './Quote';

interface Place {
  value: string;
  label: string;
  currency: string;
  free: number;
  account: string | null;
}

/** Between my own places, both sides in view; into another currency at a rate that is held for a while. */
function TransferFormScreen() {
  const { t, i18n } = useTranslation(['trader-money', 'trader']);
  const [search, set] = useSearchState();
  const { boot } = useSession();
  const navigate = useNavigate();
  const accounts = useAccounts();
  const wallet = useWallet();
  const mine = usePlaces();
  const [fault, setFault] = useState<string | null>(null);
  const [quote, setQuote] = useState<Quote | null>(null);
  const left = useLeft(quote);
  const ask = useWrite('post', '/api/v1/me/transfers/quote', { touches: [], onDone: setQuote });
  // A quote is for these places and this amount only.
  useEffect(() => setQuote(null), [search.from, search.to, search.minor]);
  const create = useWrite('post', '/api/v1/me/transfers', { durable: 'transfer', touches: ['transfer', 'trading'], onDone: (x) => void navigate({ to: `/transfers/${x.id}` }) });
  const title = t('trader-money:transfer.title');
  const error = accounts.error ?? wallet.error;
  if (!accounts.data || !wallet.data) {
    return (
      <Page title={title} width="text">
        {error ? <ErrorState error={error} onRetry={() => void Promise.all([accounts.refetch(), wallet.refetch()])} /> : <Skeleton height={320} radius="md" />}
      </Page>
    );
  }
  const currencies = [...new Set([...wallet.data.items.map((w) => w.currency as string), ...mine.map((p) => p.account.currency as string)])];
  const places: Place[] = [
    ...currencies.map((c) => ({ value: `wallet:${c}`, label: `${t('trader:wallet')} ${c}`, currency: c, free: wallet.data.items.find((w) => w.currency === c)?.available_minor ?? 0, account: null })),
    ...mine.map((p) => ({ value: p.value, label: p.label, currency: p.account.currency, free: p.account.reading?.free_margin_minor ?? 0, account: p.value })),
  ];
  // A wallet in another currency is opened by what arrives there.
  const opens: Place[] = (boot?.currencies ?? []).filter((c) => !currencies.includes(c)).map((c) => ({ value: `wallet:${c}`, label: `${t('trader:wallet')} ${c}`, currency: c, free: 0, account: null }));
  const from = places.find((p) => p.value === search.from) ?? places.find((p) => p.free > 0) ?? places[0];
  const others = [...places, ...opens].filter((p) => p.value !== from?.value);
  // Without an exchange first.
  const targets = [...others.filter((p) => p.currency === from?.currency), ...others.filter((p) => p.currency !== from?.currency)];
  const to = targets.find((p) => p.value === search.to) ?? targets[0];
  if (mine.length === 0 || !from) {
    return (
      <Page title={title} width="text">
        <EmptyState
          title={t('trader-money:transfer.none')}
          text={t('trader-money:transfer.none_text')}
          action={
            <Button component={Link} to="/accounts/new">
              {t('trader:home.open_account')}
            </Button>
          }
        />
      </Page>
    );
  }
  const currency = from.currency;
  const minor = /^\d{1,15}$/.test(search.minor ?? '') ? Number(search.minor) : null;
  const wrong = minor !== null && minor > from.free ? t('trader-money:withdraw.too_much', { amount: moneyText(i18n.language, { minor: from.free, currency }) }) : null;
  const crosses = !!to && to.currency !== currency;
  const wish = (minor: number, to: Place) => ({ amount: { minor, currency }, from_account: from.account, to_account: to.account });
  const getQuote = () => {
    if (minor && to) ask.submit({ body: { ...wish(minor, to), to_currency: to.account ? null : to.currency } });
  };
  const choice = (p: Place) => ({ value: p.value, label: `${p.label} · ${moneyText(i18n.language, { minor: p.free, currency: p.currency })}` });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!minor) setFault(t('trader-money:amount_missing'));
    if (!minor || wrong || !to) {
      document.querySelector<HTMLElement>('[name="amount"]')?.focus();
      return;
    }
    if (!crosses) create.submit({ body: wish(minor, to) });
    else if (quote && left > 0) {
      create.run({ body: { ...wish(minor, to), quote_id: quote.id } }).catch((error: unknown) => {
        // The time ran out on the way: nothing moved, and the next rate is asked for at once.
        if (isApiError(error) && error.is('quote_expired')) getQuote();
      });
    } else getQuote();
  };
  return (
    <Page title={title} width="text" text={t('trader-money:transfer.text')}>
      <form onSubmit={submit} noValidate className={classes.field}>
        <Select label={t('trader-money:from')} size="md" data={places.map(choice)} value={from.value} onChange={(v) => set({ from: v, to: null }, { replace: true })} />
        {to && places.includes(to) && (
          <div>
            <ActionIcon variant="default" size="lg" aria-label={t('trader-money:transfer.swap')} onClick={() => set({ from: to.value, to: from.value }, { replace: true })}>
              <IconArrowsSort size={18} aria-hidden />
            </ActionIcon>
          </div>
        )}
        <Select label={t('trader-money:to')} size="md" data={targets.map(choice)} value={to?.value ?? null} onChange={(v) => set({ to: v }, { replace: true })} error={to ? undefined : t('trader-money:transfer.other_currency')} />
        <MoneyInput
          key={from.value}
          name="amount"
          label={t('trader-money:amount')}
          description={t('trader-money:transfer.free', { amount: moneyText(i18n.language, { minor: from.free, currency }) })}
          size="md"
          currency={currency}
          value={minor}
          error={minor === null ? fault : wrong}
          onChange={(v) => {
            setFault(null);
            set({ minor: v === null ? null : String(v) }, { replace: true });
          }}
        />
        {minor !== null && !wrong && to && !crosses && (
          <Review
            items={[
              { label: t('trader-money:transfer.leaves', { place: from.label }), value: <Money value={{ minor: -minor, currency }} signed /> },
              { label: t('trader-money:transfer.reaches', { place: to.label }), value: <Money value={{ minor, currency }} signed /> },
              { label: t('trader-money:fee'), value: <Money value={{ minor: 0, currency }} /> },
              { label: t('trader-money:when'), value: t('trader-money:transfer.when') },
            ]}
          />
        )}
        {crosses && quote && <QuoteCard quote={quote} left={left} />}
        {crosses && ask.error && <Notice tone="bad">{errorText(ask.error)}</Notice>}
        {create.error?.is('quote_expired') && <Notice tone="warn">{t('trader-money:fx.expired')}</Notice>}
        {create.error && !create.error.is('quote_expired') && (
          <Notice tone="bad" title={errorText(create.error)}>
            {t(create.error.outcome === 'unknown' ? 'trader-money:unknown' : 'trader-money:nothing_done')}
          </Notice>
        )}
        <div className={classes.foot}>
          <Button type="submit" size="md" loading={create.busy || ask.busy}>
            {crosses && !(quote && left > 0) ? t(quote ? 'trader-money:fx.new' : 'trader-money:fx.ask') : minor && !wrong ? t('trader-money:transfer.do', { amount: moneyText(i18n.language, { minor, currency }) }) : t('trader:nav.transfer')}
          </Button>
        </div>
      </form>
    </Page>
  );
}

export const TransferForm = proven(TransferFormScreen, 'trader:nav.transfer');
