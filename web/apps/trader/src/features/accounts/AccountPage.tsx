import { Button, Skeleton, Tabs } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, ErrorState, Money, Notice, Page, StatusChip, useSearchState, When } from '@qd/ui';
import { IconRefresh } from '@tabler/icons-react';
import { Link, useParams } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useTypeNames } from '../../lib/Account';
import { waits } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { Waiting } from '../../lib/Steps';
import { DealsTab } from './DealsTab';
import { MoneyTab } from './MoneyTab';
import { Passwords } from './Passwords';
import { PositionsTab } from './PositionsTab';

const tabs = ['positions', 'deals', 'money'] as const;

/** One account: where to sign in, what is on it, what is open, what was dealt. */
export function AccountPage() {
  const { t } = useTranslation(['trader-accounts', 'trader']);
  const { id } = useParams({ strict: false }) as { id: string };
  const [search, set] = useSearchState();
  const account = useApiQuery('/api/v1/me/accounts/{id}', { path: { id } }, { refetchInterval: (q) => (q.state.data && waits(q.state.data as never) ? 2_000 : false) });
  const refresh = useWrite('post', '/api/v1/me/accounts/{id}/refresh', { touches: ['trading'], onDone: () => setTimeout(() => void account.refetch(), 1_500) });
  const typeName = useTypeNames();
  const a = account.data;
  // A new account has no figures until somebody asks for them.
  const asked = useRef(false);
  const blank = a?.state === 'ready' && !a.reading;
  const ask = refresh.submit;
  useEffect(() => {
    if (!blank || asked.current) return;
    asked.current = true;
    ask({ path: { id } });
  }, [blank, ask, id]);
  const crumbs = [{ label: t('trader-accounts:title'), to: '/accounts' }];
  if (account.error && !a) {
    return (
      <Page title={t('trader:account.one')} crumbs={crumbs}>
        <ErrorState error={account.error} onRetry={() => void account.refetch()} page />
      </Page>
    );
  }
  if (!a) {
    return (
      <Page title={t('trader:account.one')} crumbs={crumbs} width="wide">
        <Skeleton height={220} radius="md" />
      </Page>
    );
  }
  const tab = tabs.find((x) => x === search.tab) ?? 'positions';
  const r = a.reading;
  const money = (minor: number, tone = false) => <Money value={{ minor, currency: a.currency }} tone={tone} />;
  const ready = a.state === 'ready';
  return (
    <Page
      title={a.login ? t('trader:account.name', { type: typeName(a.account_type), login: a.login }) : typeName(a.account_type)}
      crumbs={crumbs}
      width="wide"
      aside={
        <>
          <Chip tone={a.kind === 'live' ? 'good' : 'idle'} label={t(`trader:account.kind.${a.kind}`)} />
          {!ready && <StatusChip kind="account" value={a.state} />}
        </>
      }
      actions={
        ready && a.kind === 'live' ? (
          <>
            <Button component={Link} to={`/deposit?account=${a.id}`}>
              {t('trader:nav.deposit')}
            </Button>
            <Button component={Link} to={`/withdraw?account=${a.id}`} variant="default">
              {t('trader:nav.withdraw')}
            </Button>
            <Button component={Link} to={`/transfer?from=${a.id}`} variant="default">
              {t('trader:nav.transfer')}
            </Button>
          </>
        ) : undefined
      }
    >
      {(a.state === 'requested' || a.state === 'opening') && (
        <Notice title={t('trader:account.being_opened')}>
          <Waiting seconds={a.sync.waiting_s ?? 0} />
          <br />
          {t('trader-accounts:opening_text')}
        </Notice>
      )}
      {a.state === 'failed' && (
        <Notice tone="bad" title={t('trader:account.not_opened')} action={<Button component={Link} to={`/support/new?about=${a.id}&category=account`} variant="default" size="compact-md">{t('trader-accounts:ask_us')}</Button>}>
          {t('trader-accounts:failed_text')}
        </Notice>
      )}
      {ready && a.sync.state === 'pending' && (
        <Notice>
          {t('trader-accounts:sync_pending')}
          <br />
          <Waiting seconds={a.sync.waiting_s ?? 0} />
        </Notice>
      )}
      {ready && a.rights !== 'full' && <Notice tone="warn">{t(`trader:account.rights.${a.rights}`)}</Notice>}
      {a.login && <Passwords account={a} />}
      <div className={classes.accounts}>
        <Card
          title={t('trader-accounts:figures')}
          actions={
            ready ? (
              <Button size="compact-sm" variant="subtle" leftSection={<IconRefresh size={15} aria-hidden />} loading={refresh.busy} onClick={() => refresh.submit({ path: { id } })}>
                {t('trader-accounts:refresh')}
              </Button>
            ) : undefined
          }
        >
          {r ? (
            <>
              <div>
                <div className={classes.big}>{money(r.equity_minor)}</div>
                <p className={classes.note}>{t('trader:account.equity')}</p>
              </div>
              <dl className={classes.facts}>
                <Fact label={t('trader:account.balance')} value={money(r.balance_minor)} />
                <Fact label={t('trader-accounts:floating')} value={money(r.floating_minor, true)} />
                <Fact label={t('trader-accounts:margin')} value={money(r.margin_minor)} />
                <Fact label={t('trader:account.free_margin')} value={money(r.free_margin_minor)} />
                {r.credit_minor !== 0 && <Fact label={t('trader-accounts:credit')} value={money(r.credit_minor)} />}
              </dl>
              <p className={classes.note}>
                {t('trader:account.read')} <When us={r.read_at_us} as="full" />
              </p>
            </>
          ) : (
            <p className={classes.note}>{t('trader:account.no_reading')}</p>
          )}
        </Card>
        <Card title={t('trader-accounts:access')}>
          <dl className={classes.facts}>
            <Fact label={t('trader-accounts:login')} value={a.login ? <CopyId id={a.login} /> : <span className="qd-muted">–</span>} />
            <Fact label={t('trader:account.server')} value={<CopyId id={a.server} />} />
            <Fact label={t('trader:account.leverage')} value={<bdi dir="ltr" className="qd-num">1:{a.leverage}</bdi>} />
            <Fact label={t('trader-accounts:currency')} value={a.currency} />
            <Fact label={t('trader-accounts:opened')} value={<When us={a.ready_at_us ?? a.created_at_us} as="date" />} />
          </dl>
          {a.login && <p className={classes.note}>{t('trader-accounts:access_text')}</p>}
        </Card>
      </div>
      {a.login && (
        <Tabs value={tab} onChange={(v) => set({ tab: v, month: null }, { replace: true })} keepMounted={false}>
          <Tabs.List>
            {tabs.map((x) => (
              <Tabs.Tab key={x} value={x}>
                {t(`trader-accounts:tab.${x}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="positions" pt="md">
            <PositionsTab id={a.id} />
          </Tabs.Panel>
          <Tabs.Panel value="deals" pt="md">
            <DealsTab account={a} />
          </Tabs.Panel>
          <Tabs.Panel value="money" pt="md">
            <MoneyTab id={a.id} />
          </Tabs.Panel>
        </Tabs>
      )}
    </Page>
  );
}

export function Fact({ label, value }: { label: React.ReactNode; value: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
