import { Button, SegmentedControl, Select, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { currencyName, useTranslation } from '@qd/i18n';
import { Disabled, EmptyState, errorText, ErrorState, Notice, Page, useSearchState } from '@qd/ui';
import { Link, useNavigate } from '@tanstack/react-router';
import { Choices, RiskWarning } from '../../lib/parts';
import { useAccounts, useRecord } from '../../lib/queries';
import classes from '../../lib/room.module.css';

const steps = [1, 2, 5, 10, 20, 25, 30, 50, 100, 200, 300, 400, 500];

/** A further account: the usual choice is made already, so it takes one look and one tap. */
export function OpenAccount() {
  const { t, i18n } = useTranslation('trader-accounts');
  const [search, set] = useSearchState();
  const navigate = useNavigate();
  const types = useApiQuery('/api/v1/me/account-types');
  const test = useApiQuery('/api/v1/me/questionnaire');
  const mine = useAccounts();
  const record = useRecord();
  const open = useWrite('post', '/api/v1/me/accounts', { touches: ['trading'], onDone: (a) => void navigate({ to: `/accounts/${a.id}` }) });
  const me = record.data;
  const crumbs = [{ label: t('title'), to: '/accounts' }];
  if (types.error && !types.data) {
    return (
      <Page title={t('new.title')} crumbs={crumbs} width="text">
        <ErrorState error={types.error} onRetry={() => void types.refetch()} />
      </Page>
    );
  }
  if (!types.data || !me || !mine.data) {
    return (
      <Page title={t('new.title')} crumbs={crumbs} width="text">
        <Skeleton height={320} radius="md" />
      </Page>
    );
  }
  const kind = search.kind === 'demo' || (search.kind !== 'live' && !me.kyc.approved) ? 'demo' : 'live';
  const list = types.data.items.filter((x) => x.kind === kind);
  const type = list.find((x) => x.code === search.type) ?? list.find((x) => !x.professional) ?? list[0];
  const used = new Set(mine.data.items.filter((a) => a.account_type === type?.code && a.state !== 'closed').map((a) => a.currency));
  // A second account is mostly wanted for a second currency.
  const currency = type?.currencies.includes(search.currency ?? '') ? search.currency! : (type?.currencies.find((c) => c === me.base_currency && !used.has(c)) ?? type?.currencies.find((c) => !used.has(c)) ?? type?.currencies[0] ?? '');
  const cap = test.data?.answers[0]?.leverage_cap ?? null;
  const most = type ? (cap && kind === 'live' ? Math.min(cap, type.default_leverage) : type.default_leverage) : 1;
  const leverages = [...new Set([...steps.filter((s) => s < most), most])].reverse();
  const leverage = leverages.includes(Number(search.leverage)) ? Number(search.leverage) : most;
  const count = mine.data.items.filter((a) => a.account_type === type?.code && a.state !== 'closed' && a.state !== 'failed').length;
  const full = type ? count >= type.max_per_client : false;
  const why = kind === 'live' && !me.kyc.approved ? t('new.verify_first') : full && type ? t('new.limit', { count: type.max_per_client }) : null;
  return (
    <Page title={t('new.title')} crumbs={crumbs} width="text">
      <SegmentedControl
        fullWidth
        value={kind}
        onChange={(v) => set({ kind: v, type: null, currency: null, leverage: null }, { replace: true })}
        data={[
          { value: 'live', label: t('new.live') },
          { value: 'demo', label: t('new.demo') },
        ]}
        aria-label={t('new.kind')}
      />
      {kind === 'live' && !me.kyc.approved && (
        <Notice
          action={
            <Button component={Link} to="/verification" variant="default" size="compact-md">
              {t('new.to_verification')}
            </Button>
          }
        >
          {t('new.verify_first')}
        </Notice>
      )}
      {kind === 'demo' && <Notice>{t('new.demo_text')}</Notice>}
      {!type ? (
        <EmptyState title={t('new.none')} />
      ) : (
        <>
          <Choices
            legend={t('new.type')}
            name="type"
            value={type.code}
            onChange={(v) => set({ type: v, currency: null, leverage: null }, { replace: true })}
            options={list.map((x) => ({ value: x.code, name: x.name, notes: [t('new.up_to', { leverage: `1:${x.default_leverage}` }), x.professional ? t('new.professional') : null] }))}
          />
          <Choices
            legend={t('new.currency')}
            name="currency"
            value={currency}
            onChange={(v) => set({ currency: v }, { replace: true })}
            options={type.currencies.map((c) => ({ value: c, name: c, notes: [currencyName(i18n.language, c), used.has(c) ? t('new.have') : null] }))}
          />
          <Select
            label={t('new.leverage')}
            description={cap && kind === 'live' && cap < type.default_leverage ? t('new.capped', { leverage: `1:${cap}` }) : t('new.leverage_text')}
            size="md"
            data={leverages.map((l) => ({ value: String(l), label: `1:${l}` }))}
            value={String(leverage)}
            onChange={(v) => set({ leverage: v }, { replace: true })}
          />
          {open.error && (
            <Notice tone="bad" title={errorText(open.error)}>
              {t('new.not_opened')}
            </Notice>
          )}
          <div className={classes.foot}>
            <Disabled why={why}>
              <Button size="md" loading={open.busy} onClick={() => open.submit({ body: { account_type: type.code, currency, leverage } })}>
                {t('new.open', { type: type.name, currency })}
              </Button>
            </Disabled>
          </div>
          {kind === 'live' && <RiskWarning />}
        </>
      )}
    </Page>
  );
}
