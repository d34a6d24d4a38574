import { Skeleton } from '@mantine/core';
import { type Answer, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, DataTable, EmptyState, ErrorState, Lots, Money, Price, When, type Column } from '@qd/ui';
import { useMemo } from 'react';
import classes from '../../lib/room.module.css';

type Position = Answer<'get', '/api/v1/me/accounts/{id}/positions'>['positions'][number];

/** What is open this moment, from the platform itself. */
export function PositionsTab({ id }: { id: string }) {
  const { t } = useTranslation('trader-accounts');
  const positions = useApiQuery('/api/v1/me/accounts/{id}/positions', { path: { id } }, { refetchInterval: 10_000, staleTime: 0 });
  const columns = useMemo<readonly Column<Position>[]>(
    () => [
      { id: 'symbol', header: t('col.symbol'), width: 120, fixed: true, cell: (p) => <bdi>{p.symbol}</bdi> },
      { id: 'side', header: t('col.side'), width: 100, card: 'side', cell: (p) => <Chip tone={p.side === 'buy' ? 'info' : 'idle'} label={t(p.side === 'buy' ? 'buy' : 'sell')} size="sm" /> },
      { id: 'volume', header: t('col.lots'), width: 100, align: 'number', cell: (p) => <Lots value={p.volume} unit={false} /> },
      { id: 'open', header: t('col.price_open'), width: 120, align: 'number', cell: (p) => <Price value={p.price_open} /> },
      { id: 'now', header: t('col.price_now'), width: 120, align: 'number', cell: (p) => <Price value={p.price_current} /> },
      { id: 'swap', header: t('col.swap'), width: 120, align: 'number', cell: (p) => <Money value={p.swap} /> },
      { id: 'profit', header: t('col.profit'), width: 140, align: 'number', cell: (p) => <Money value={p.profit} tone /> },
      { id: 'opened', header: t('col.opened'), width: 160, cell: (p) => <When us={p.opened_at_us} /> },
    ],
    [t],
  );
  if (positions.error && !positions.data) return <ErrorState error={positions.error} onRetry={() => void positions.refetch()} />;
  if (!positions.data) return <Skeleton height={120} radius="md" />;
  if (positions.data.positions.length === 0) return <EmptyState kind="done" title={t('no_positions')} text={t('no_positions_text')} />;
  return (
    <>
      <DataTable id="positions" label={t('tab.positions')} columns={columns} rows={positions.data.positions} rowId={(p) => p.position_id} inline />
      <p className={classes.note}>
        {t('as_read')} <When us={positions.data.read_at_us} as="full" />
      </p>
    </>
  );
}
