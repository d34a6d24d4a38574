import { Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { EmptyState, ErrorState } from '@qd/ui';
import { OperationRow } from '../../lib/parts';
import { useOperations } from '../../lib/queries';
import classes from '../../lib/room.module.css';

/** Deposits, withdrawals and transfers that touched this account. */
export function MoneyTab({ id }: { id: string }) {
  const { t } = useTranslation('trader-accounts');
  const operations = useOperations(true);
  const mine = operations.rows.filter((o) => o.from === id || o.to === id);
  if (operations.error && mine.length === 0) return <ErrorState error={operations.error} onRetry={operations.retry} />;
  if (operations.loading && mine.length === 0) return <Skeleton height={160} radius="md" />;
  if (mine.length === 0) return <EmptyState title={t('money_empty')} />;
  return (
    <ul className={classes.list}>
      {mine.map((op) => (
        <li key={op.id}>
          <OperationRow op={op} />
        </li>
      ))}
    </ul>
  );
}
