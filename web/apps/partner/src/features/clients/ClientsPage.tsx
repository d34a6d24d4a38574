import { Button } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { country, number, useTranslation } from '@qd/i18n';
import { DataTable, Lots, Page, StatusChip, Value, When, type Column } from '@qd/ui';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { lotsText } from '../../lib';

type Client = Row<'/api/v1/me/partner/clients'>;
const idOf = (row: Client) => row.client_id;

/** Who came by me, by pseudonym, and what they trade. */
export function ClientsPage() {
  const { t, i18n } = useTranslation('partner');
  const go = useNavigate();
  const list = useCursorPages('/api/v1/me/partner/clients', { query: { limit: 50 } });
  const columns = useMemo<readonly Column<Client>[]>(
    () => [
      { id: 'client', header: t('client.who'), width: 180, fixed: true, cell: (c) => (c.name ? <bdi><Value>{c.name}</Value></bdi> : <bdi className="qd-mono">{c.client_id.slice(-8)}</bdi>) },
      { id: 'state', header: t('client.state'), width: 150, card: 'side', cell: (c) => <StatusChip kind="attribution" value={c.state} /> },
      { id: 'since', header: t('client.since'), width: 150, cell: (c) => <When us={c.since_us} /> },
      { id: 'country', header: t('client.country'), width: 150, cell: (c) => (c.country ? country(i18n.language, c.country) : '–') },
      { id: 'approved', header: t('client.approved'), width: 140, cell: (c) => <When us={c.steps?.approved_at_us} /> },
      { id: 'funded', header: t('client.funded'), width: 150, cell: (c) => <When us={c.steps?.funded_at_us} /> },
      { id: 'lots', header: t('line.lots'), width: 130, align: 'number', cell: (c) => <Lots value={lotsText(c.lots)} /> },
      { id: 'deals', header: t('client.deals'), width: 120, align: 'number', cell: (c) => number(i18n.language, c.deals) },
      { id: 'last', header: t('client.last'), width: 150, cell: (c) => <When us={c.last_deal_at_us} /> },
    ],
    [t, i18n.language],
  );
  return (
    <Page title={t('nav.clients')} text={t('client.text')} actions={<Button component={Link} to="/claims" variant="default">{t('client.claim')}</Button>} fill>
      <DataTable
        id="clients"
        label={t('nav.clients')}
        columns={columns}
        rows={list.rows}
        rowId={idOf}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        onOpen={(c) => void go({ to: '/lines', search: { client_id: c.client_id } as never })}
        empty={{ title: t('client.none'), text: t('client.noneText') }}
      />
    </Page>
  );
}
