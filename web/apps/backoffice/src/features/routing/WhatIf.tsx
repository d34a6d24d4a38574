import { Autocomplete, Button, Select, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useApiQuery } from '@qd/api';
import { country, useTranslation } from '@qd/i18n';
import { Card, ErrorState, MoneyInput, Notice, shortId, statusText, useSearchState } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useState, type FormEvent } from 'react';
import { useNames } from '../../lib/names';
import { RouteWhy } from '../../lib/RouteWhy';
import { MethodAndCurrency, useOffer } from './pick';
import classes from './routing.module.css';

const RISKS = ['low', 'medium', 'high'] as const;

interface Asked {
  client_id: string;
  method: string;
  currency: string;
  amount_minor: number;
  country?: string;
  risk?: string;
  bin?: string;
}

/** "Where would this go, and why?": nothing is made of it. */
export function WhatIf() {
  const { t, i18n } = useTranslation('office-routing');
  const lang = i18n.language;
  const { boot } = useSession();
  const offer = useOffer();
  const [search, set] = useSearchState();
  const [typed, setTyped] = useState('');
  const [words] = useDebouncedValue(typed.trim(), 200);
  const mayFind = useCan('clients.search');
  const found = useApiQuery('/api/v1/search', mayFind && words.length >= 2 && !words.startsWith('cli_') ? { query: { q: words } } : null, { live: 'off' });
  const people = found.data?.items ?? [];
  const label = (p: { id: string; name: string }) => `${p.name} · ${shortId(p.id)}`;
  const client = /^cli_\w{26}$/.test(typed.trim()) ? typed.trim() : (people.find((p) => label(p) === typed)?.id ?? search.client ?? null);
  const name = useNames([client])(client);
  const [method, setMethod] = useState('card');
  const [wanted, setCurrency] = useState<string | null>(null);
  const currency = wanted ?? offer.currencies[0] ?? 'EUR';
  const [minor, setMinor] = useState<number | null>(25_000);
  const [land, setLand] = useState<string | null>(null);
  const [risk, setRisk] = useState<string | null>(null);
  const [bin, setBin] = useState('');
  const [missing, setMissing] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const route = useApiQuery('/api/v1/payments/routing', asked ? { query: asked as never } : null, { live: 'off' });
  const binWrong = bin !== '' && !/^\d{6,8}$/.test(bin);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(true);
    if (!client || !minor || binWrong) return;
    set({ client }, { replace: true });
    setAsked({ client_id: client, method, currency, amount_minor: minor, ...(land ? { country: land } : {}), ...(risk ? { risk } : {}), ...(bin ? { bin } : {}) });
  };
  return (
    <Card title={t('whatIf.title')} flush>
      <form onSubmit={submit} noValidate>
        <div className={classes.form}>
          <Autocomplete
            label={t('whatIf.client')}
            description={name ? t('whatIf.of', { name }) : t('whatIf.clientHelp')}
            value={typed}
            onChange={setTyped}
            data={[...new Set(people.map(label))]}
            filter={({ options }) => options}
            error={missing && !client ? t('whatIf.clientMissing') : undefined}
          />
          <MethodAndCurrency method={method} currency={currency} onMethod={setMethod} onCurrency={setCurrency} />
          <MoneyInput key={currency} name="amount" label={t('whatIf.amount')} currency={currency} value={minor} onChange={setMinor} error={missing && !minor ? t('whatIf.amountMissing') : undefined} />
          <Select label={t('whatIf.country')} placeholder={t('whatIf.theirs')} data={(boot?.countries ?? []).map((c) => ({ value: c.code, label: country(lang, c.code) }))} value={land} onChange={setLand} searchable clearable />
          <Select label={t('whatIf.risk')} placeholder={t('whatIf.theirs')} data={RISKS.map((value) => ({ value, label: statusText('band', value) }))} value={risk} onChange={setRisk} clearable />
          <TextInput label={t('whatIf.bin')} value={bin} onChange={(e) => setBin(e.currentTarget.value)} inputMode="numeric" maxLength={8} error={binWrong ? t('whatIf.binWrong') : undefined} dir="ltr" />
        </div>
        <div className={classes.foot}>
          <Button type="submit" loading={!!asked && route.isFetching}>
            {t('whatIf.ask')}
          </Button>
          <span className="qd-muted">{t('whatIf.nothing')}</span>
        </div>
      </form>
      {asked && (
        <div className={classes.answer} aria-live="polite">
          {route.error ? <ErrorState error={route.error} onRetry={() => void route.refetch()} /> : route.data ? <RouteWhy route={route.data} id="route-what-if" /> : <Notice>{t('whatIf.asking')}</Notice>}
        </div>
      )}
    </Card>
  );
}
