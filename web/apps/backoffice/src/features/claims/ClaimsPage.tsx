import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, DataTable, Drawer, Page, StatusChip, usePeek, useSearchState, When, type Column } from '@qd/ui';
import { useMemo } from 'react';
import { ListTabs } from '../../lib/ListTabs';
import { ClientLink, useNames } from '../../lib/names';
import { PartnerName } from '../partners/Chain';
import { ClaimFile } from './ClaimFile';

type Claim = Row<'/api/v1/attribution/claims'>;
const idOf = (c: Claim) => c.id;

/** Partners who say that a client is theirs. */
export function ClaimsPage() {
  const { t } = useTranslation('office-engine');
  const [search] = useSearchState();
  const state = search.tab === 'all' ? undefined : ((search.tab ?? 'open') as 'open');
  const list = useCursorPages('/api/v1/attribution/claims', { query: { limit: 50, state } });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const name = useNames(list.rows.map((c) => c.client_id));
  const columns = useMemo<readonly Column<Claim>[]>(
    () => [
      { id: 'at', header: t('claim.filed'), width: 160, fixed: true, cell: (c) => <When us={c.filed_at_us} /> },
      { id: 'partner', header: t('cor.partner'), width: 220, cell: (c) => <PartnerName id={c.partner_id} /> },
      { id: 'state', header: t('close.state'), width: 160, card: 'side', cell: (c) => <StatusChip kind="claim" value={c.state} /> },
      { id: 'client', header: t('cor.client'), width: 240, cell: (c) => (c.client_id ? <ClientLink id={c.client_id} name={name(c.client_id)} /> : <bdi>{c.named}</bdi>) },
      { id: 'late', header: t('claim.late'), width: 110, cell: (c) => (c.late ? <Chip tone="warn" label={t('claim.isLate')} /> : '–') },
      { id: 'evidence', header: t('claim.evidence'), width: 360, cell: (c) => <span dir="auto">{c.evidence}</span> },
    ],
    [t, name],
  );
  const open = list.rows.find((c) => c.id === peek.id);
  return (
    <Page title={t('claim.title')} text={t('claim.text')} fill tabs={<ListTabs label={t('claim.title')} tabs={[{ value: null, label: t('claim.open') }, { value: 'all', label: t('all') }]} />}>
      <DataTable id="claims" label={t('claim.title')} columns={columns} rows={list.rows} rowId={idOf} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(c) => peek.open(c.id)} opened={peek.id} empty={{ title: t('claim.none'), text: t('claim.noneText') }} />
      <Drawer opened={!!peek.id} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} size="xl" title={t('claim.one')} aside={open ? <StatusChip kind="claim" value={open.state} /> : undefined}>
        {open && <ClaimFile claim={open} onDone={() => void list.refetch()} />}
      </Drawer>
    </Page>
  );
}
