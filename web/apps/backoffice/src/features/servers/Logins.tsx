import { useCursorPages, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { DataTable, Money, StatusChip, When, type Column } from '@qd/ui';
import { useMemo } from 'react';

type Login = Row<'/api/v1/trading/logins'>;

/** Logins in our groups that belong to no account here, as the last comparison found them. */
export function Logins({ server }: { server: string }) {
  const { t, i18n } = useTranslation('office-servers');
  const list = useCursorPages('/api/v1/trading/logins', { query: { server, limit: 50 } });
  const columns = useMemo<readonly Column<Login>[]>(
    () => [
      { id: 'login', header: t('login'), width: 140, fixed: true, cell: (l) => <bdi dir="ltr">{l.login}</bdi> },
      { id: 'group', header: t('group'), width: 220, cell: (l) => <bdi dir="ltr" className="qd-mono">{l.group}</bdi> },
      { id: 'balance', header: t('balance'), width: 150, align: 'number', card: 'side', cell: (l) => <Money value={l.balance} /> },
      { id: 'credit', header: t('credit'), width: 140, align: 'number', cell: (l) => <Money value={l.credit} /> },
      { id: 'leverage', header: t('leverage'), width: 110, cell: (l) => <bdi dir="ltr">1:{l.leverage}</bdi> },
      { id: 'rights', header: t('rights'), width: 150, cell: (l) => <StatusChip kind="trading_rights" value={l.rights} /> },
      { id: 'deals', header: t('deals'), width: 130, align: 'number', cell: (l) => number(i18n.language, l.deals) },
      { id: 'first', header: t('first'), width: 150, cell: (l) => <When us={l.first_seen_at_us} /> },
      { id: 'last', header: t('last'), width: 150, cell: (l) => <When us={l.last_seen_at_us} /> },
    ],
    [t, i18n.language],
  );
  return (
    <DataTable
      id="server-logins"
      label={t('tab.logins')}
      columns={columns}
      rows={list.rows}
      rowId={(l) => l.login}
      loading={list.isPending}
      error={list.error}
      onRetry={() => void list.refetch()}
      more={list.more}
      hasMore={list.hasMore}
      loadingMore={list.loadingMore}
      empty={{ kind: 'done', title: t('noLogins'), text: t('noLoginsText') }}
    />
  );
}
