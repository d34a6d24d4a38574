import { Button, Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { EmptyState, ErrorState, type Filter, FilterBar, Money, Page, statusText, toDecimal, useFilters, useSearchState, useZone } from '@qd/ui';
import { IconDownload, IconFileText } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useAccountText } from '../../lib/Account';
import { csv, save } from '../../lib/csv';
import { isMonth, lastMonths, monthText } from '../../lib/months';
import { methodText, OperationRow, useOperationNote } from '../../lib/parts';
import { type Operation, useAccounts, useOperations } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { matching, totalsOf } from './history';

/** All movements of money, filtered by the address, with totals that agree with what is shown. */
export function History() {
  const { t, i18n } = useTranslation(['trader-money', 'trader']);
  const { zone } = useZone();
  const [search, set] = useSearchState();
  const operations = useOperations(true);
  const accounts = useAccounts();
  const accountText = useAccountText();
  const note = useOperationNote();
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'kind', label: t('trader-money:history.kind'), pinned: true, options: (['deposit', 'withdrawal', 'transfer'] as const).map((value) => ({ value, label: t(`trader:op.${value}`) })) },
      { kind: 'choice', name: 'account', label: t('trader-money:history.account'), pinned: true, options: [{ value: 'wallet', label: t('trader-money:history.wallet_only') }, ...(accounts.data?.items ?? []).filter((a) => a.kind === 'live').map((a) => ({ value: a.id as string, label: accountText(a) }))] },
      { kind: 'choice', name: 'month', label: t('trader-money:history.month'), pinned: true, options: lastMonths(24, zone).map((value) => ({ value, label: monthText(i18n.language, value) })) },
      { kind: 'choice', name: 'state', label: t('trader-money:history.state'), pinned: true, options: (['open', 'done', 'failed'] as const).map((value) => ({ value, label: t(`trader-money:history.states.${value}`) })) },
    ],
    [t, i18n.language, zone, accounts.data, accountText],
  );
  const { active, reset } = useFilters(filters);
  const rows = matching(operations.rows, search, zone);
  const totals = totalsOf(rows);
  const download = () => {
    const line = (o: Operation) => [
      o.id, new Date(o.at / 1000).toISOString(), o.kind, toDecimal(o.amount.minor, o.amount.currency), o.amount.currency, statusText(o.kind, o.state, 'client'), o.method ? methodText(o.method) : '', note(o),
    ];
    save(`history-${isMonth(search.month) ? search.month : 'all'}.csv`, csv(['number', 'time_utc', 'kind', 'amount', 'currency', 'state', 'method', 'note'], [...rows].reverse().map(line)));
  };
  const statement = isMonth(search.month) ? `/history/statement?month=${search.month}` : '/history/statement';
  return (
    <Page
      title={t('trader-money:history.title')}
      width="wide"
      actions={
        rows.length > 0 ? (
          <>
            <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={download}>
              {t('trader-money:history.csv')}
            </Button>
            <Button component={Link} to={statement} variant="default" leftSection={<IconFileText size={16} aria-hidden />}>
              {t('trader-money:history.statement')}
            </Button>
          </>
        ) : undefined
      }
    >
      <FilterBar filters={filters} />
      {operations.error && operations.rows.length === 0 ? (
        <ErrorState error={operations.error} onRetry={operations.retry} />
      ) : operations.loading && operations.rows.length === 0 ? (
        <Skeleton height={320} radius="md" />
      ) : rows.length === 0 ? (
        <EmptyState
          kind={active ? 'filtered' : 'first'}
          onResetFilters={reset}
          {...(active ? {} : { title: t('trader-money:history.empty'), text: t('trader-money:history.empty_text') })}
          action={
            active ? undefined : (
              <Button component={Link} to="/deposit">
                {t('trader:nav.deposit')}
              </Button>
            )
          }
        />
      ) : (
        <>
          {totals.length > 0 && (
            <dl className={classes.facts} aria-label={t('trader-money:history.totals')}>
              {totals.map((x) => [
                <div key={`${x.currency}-in`}>
                  <dt>{t('trader-money:history.in')}</dt>
                  <dd>
                    <Money value={{ minor: x.in.toString(), currency: x.currency }} />
                  </dd>
                </div>,
                <div key={`${x.currency}-out`}>
                  <dt>{t('trader-money:history.out')}</dt>
                  <dd>
                    <Money value={{ minor: x.out.toString(), currency: x.currency }} />
                  </dd>
                </div>,
              ])}
              <div>
                <dt>{t('trader-money:history.count')}</dt>
                <dd className="qd-num">{rows.length}</dd>
              </div>
            </dl>
          )}
          <ul className={classes.list}>
            {rows.map((op) => (
              <li key={op.id}>
                <OperationRow op={op} step={!op.ended} />
              </li>
            ))}
          </ul>
          {active && (
            <Button variant="subtle" onClick={() => set(Object.fromEntries(['kind', 'account', 'month', 'state'].map((k) => [k, null])))}>
              {t('trader-money:history.all')}
            </Button>
          )}
        </>
      )}
    </Page>
  );
}
