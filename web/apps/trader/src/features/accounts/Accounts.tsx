import { Button, Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { EmptyState, ErrorState, Page } from '@qd/ui';
import { IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { AccountCard } from '../../lib/AccountCard';
import { RiskWarning } from '../../lib/parts';
import { useAccounts } from '../../lib/queries';
import classes from '../../lib/room.module.css';

export function Accounts() {
  const { t } = useTranslation('trader-accounts');
  const accounts = useAccounts();
  const order = { live: 0, demo: 1 } as Record<string, number>;
  const list = [...(accounts.data?.items ?? [])].sort((a, b) => Number(a.state === 'closed') - Number(b.state === 'closed') || (order[a.kind] ?? 0) - (order[b.kind] ?? 0) || a.created_at_us - b.created_at_us);
  return (
    <Page
      title={t('title')}
      width="wide"
      actions={
        <Button component={Link} to="/accounts/new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t('open')}
        </Button>
      }
    >
      {accounts.error && !accounts.data ? (
        <ErrorState error={accounts.error} onRetry={() => void accounts.refetch()} />
      ) : !accounts.data ? (
        <Skeleton height={180} radius="md" />
      ) : list.length === 0 ? (
        <EmptyState title={t('empty')} text={t('empty_text')} />
      ) : (
        <div className={classes.accounts}>
          {list.map((a) => (
            <AccountCard key={a.id} account={a} />
          ))}
        </div>
      )}
      <RiskWarning />
    </Page>
  );
}
