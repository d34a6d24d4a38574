import { useCursorPages, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, CopyId, DataTable, Lots, StatusChip, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { lotsText } from './lots';

type PartnerClient = Row<'/api/v1/partners/{id}/clients'>;

/** Whom the partner brought and what they trade; a pseudonym where the name is not the reader's to see. */
export function Clients({ id }: { id: string }) {
  const { t, i18n } = useTranslation('office-partners');
  const go = useNavigate();
  const opens = useCan('clients.view');
  const list = useCursorPages('/api/v1/partners/{id}/clients', { path: { id }, query: { limit: 50 } });
  const columns = useMemo<readonly Column<PartnerClient>[]>(
    () => [
      { id: 'client', header: t('col.client'), width: 220, fixed: true, cell: (c) => (c.name ? <bdi>{c.name}</bdi> : opens ? <bdi dir="ltr">{`${c.client_id.slice(0, 4)}…${c.client_id.slice(-5)}`}</bdi> : <CopyId id={c.client_id} />) },
      { id: 'state', header: t('col.share'), width: 130, card: 'side', cell: (c) => <StatusChip kind="share" value={c.state} /> },
      { id: 'model', header: t('col.model'), width: 140, cell: (c) => t(`model.${c.model}`) },
      { id: 'since', header: t('col.since'), width: 150, cell: (c) => <When us={c.since_us} /> },
      { id: 'deals', header: t('col.deals'), width: 100, align: 'number', cell: (c) => number(i18n.language, c.deals) },
      { id: 'lots', header: t('col.lots'), width: 110, align: 'number', cell: (c) => <Lots value={lotsText(c.lots)} unit={false} /> },
      { id: 'last', header: t('col.lastDeal'), width: 160, cell: (c) => <When us={c.last_deal_at_us} /> },
    ],
    [t, i18n.language, opens],
  );
  return (
    <Card title={t('tab.clients')} flush>
      <DataTable id="partner-clients" inline label={t('tab.clients')} columns={columns} rows={list.rows} rowId={(c) => c.client_id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={opens ? (c) => void go({ to: `/clients/${c.client_id}` as never }) : undefined} empty={{ title: t('clients.none') }} />
    </Card>
  );
}
