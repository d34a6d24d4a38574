import { Button, Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, Page } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { AccountCard } from '../../lib/AccountCard';
import { nextStep } from '../../lib/next';
import { OperationRow, RiskWarning } from '../../lib/parts';
import { useAccounts, useOperations, useRecord, useWallet } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { Next } from './Next';
import { WalletCard } from './WalletCard';

export function Home() {
  const { t } = useTranslation('trader');
  const { me, boot } = useSession();
  const record = useRecord();
  const accounts = useAccounts();
  const wallet = useWallet();
  const operations = useOperations();
  const first = record.data?.first_name;
  const list = accounts.data?.items.filter((a) => a.state !== 'closed') ?? [];
  const open = operations.rows.filter((o) => !o.ended);
  const ready = record.data && accounts.data && !operations.loading;
  const next = ready ? nextStep(record.data, me.email_verified ?? false, list, operations.rows) : null;
  const offered = (part: string) => !boot || boot.modules.includes(part);

  return (
    <Page title={first ? t('home.title', { name: first }) : t('home.title_plain')} width="wide">
      {record.error && !record.data ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : next === null ? (
        <Skeleton height={130} radius="lg" aria-label={t('home.loading')} />
      ) : (
        <Next step={next} me={record.data!} />
      )}

      {open.length > 0 && (
        <Card title={t('home.under_way')}>
          <ul className={classes.list}>
            {open.map((op) => (
              <li key={op.id}>
                <OperationRow op={op} step />
              </li>
            ))}
          </ul>
        </Card>
      )}

      <WalletCard wallet={wallet} actions={next === 'none'} />

      <Card
        title={t('home.accounts')}
        actions={
          offered('accounts') && list.length > 0 ? (
            <Button component={Link} to="/accounts/new" variant="subtle" size="compact-sm" leftSection={<IconPlus size={15} aria-hidden />}>
              {t('home.open_account')}
            </Button>
          ) : undefined
        }
      >
        {accounts.error && !accounts.data ? (
          <ErrorState error={accounts.error} onRetry={() => void accounts.refetch()} />
        ) : !accounts.data ? (
          <Skeleton height={120} radius="md" aria-label={t('home.loading')} />
        ) : list.length === 0 ? (
          <EmptyState
            title={t('home.no_accounts')}
            text={t('home.no_accounts_text')}
            action={
              <Button component={Link} to="/accounts/new" variant="default">
                {t('home.open_account')}
              </Button>
            }
          />
        ) : (
          <div className={classes.accounts}>
            {list.map((a) => (
              <AccountCard key={a.id} account={a} />
            ))}
          </div>
        )}
      </Card>

      {operations.rows.length > open.length && (
        <Card
          title={t('home.latest')}
          actions={
            <Button component={Link} to="/history" variant="subtle" size="compact-sm">
              {t('home.all_history')}
            </Button>
          }
        >
          <ul className={classes.list}>
            {operations.rows
              .filter((o) => o.ended)
              .slice(0, 4)
              .map((op) => (
                <li key={op.id}>
                  <OperationRow op={op} />
                </li>
              ))}
          </ul>
        </Card>
      )}
      <RiskWarning />
    </Page>
  );
}
