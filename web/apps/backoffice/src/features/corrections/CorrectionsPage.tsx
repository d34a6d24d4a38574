import { Button } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { DataTable, Money, Page, StatusChip, useSearchState, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ListTabs } from '../../lib/ListTabs';
import { PartnerName } from '../partners/Chain';
import { Subject } from './Subject';
import { causeText, changeText } from './words';

type Correction = Row<'/api/v1/corrections'>;
type Change = Row<'/api/v1/closed-period-changes'>;

/** Changes with an earlier date: prepared, decided by somebody else, carried out; and what the platform itself changed. */
export function CorrectionsPage() {
  const { t } = useTranslation('office-engine');
  const [search] = useSearchState();
  const may = useCan('partners.manage');
  return (
    <Page
      title={t('cor.title')}
      text={t('cor.text')}
      fill
      actions={may ? <Button component={Link} to={'/corrections/new' as never}>{t('cor.add')}</Button> : null}
      tabs={<ListTabs label={t('cor.title')} tabs={[{ value: null, label: t('cor.all') }, { value: 'closed', label: t('cor.closed') }]} />}
    >
      {search.tab === 'closed' ? <Closed /> : <All />}
    </Page>
  );
}

function All() {
  const { t } = useTranslation('office-engine');
  const go = useNavigate();
  const list = useCursorPages('/api/v1/corrections', { query: { limit: 50 } });
  const columns = useMemo<readonly Column<Correction>[]>(
    () => [
      { id: 'at', header: t('cor.prepared'), width: 170, fixed: true, cell: (c) => <When us={c.prepared_at_us} /> },
      { id: 'cause', header: t('cor.cause'), width: 220, cell: (c) => causeText(c.cause) },
      { id: 'state', header: t('close.state'), width: 170, card: 'side', cell: (c) => <StatusChip kind="correction" value={c.state} /> },
      { id: 'subject', header: t('cor.subject'), width: 230, cell: (c) => <Subject subject={c.subject} /> },
      { id: 'totals', header: t('cor.difference'), width: 200, align: 'number', cell: (c) => <>{(c.policy === 'freeze' ? c.preview.freeze : c.preview.retier).totals.map((x) => <div key={x.currency}><Money value={{ minor: x.difference_minor, currency: x.currency }} signed /></div>)}</> },
      { id: 'reason', header: t('cor.reason'), width: 320, cell: (c) => <span dir="auto">{c.reason}</span> },
    ],
    [t],
  );
  return <DataTable id="corrections" label={t('cor.title')} columns={columns} rows={list.rows} rowId={(c) => c.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(c) => void go({ to: `/corrections/${c.id}` as never })} empty={{ title: t('cor.none'), text: t('cor.noneText') }} />;
}

/** What was booked for closed periods since they were closed, by whatever cause. */
function Closed() {
  const { t } = useTranslation('office-engine');
  const go = useNavigate();
  const list = useCursorPages('/api/v1/closed-period-changes', { query: { limit: 50 } });
  const columns = useMemo<readonly Column<Change>[]>(
    () => [
      { id: 'booked', header: t('cor.booked'), width: 170, fixed: true, cell: (c) => <When us={c.booked_at_us} /> },
      { id: 'cause', header: t('cor.why'), width: 200, cell: (c) => changeText(c.cause) },
      { id: 'partner', header: t('cor.partner'), width: 210, cell: (c) => <PartnerName id={c.partner_id} /> },
      { id: 'amount', header: t('cor.difference'), width: 150, align: 'number', card: 'side', cell: (c) => <Money value={{ minor: c.minor, currency: c.currency }} signed /> },
      { id: 'statement', header: t('cor.statement'), width: 150, cell: (c) => <Link to={`/statements/${c.statement_id}` as never}>{t('cor.number', { number: c.statement_number })}</Link> },
      { id: 'value', header: t('cor.value'), width: 170, cell: (c) => <When us={c.value_at_us} /> },
      { id: 'ticket', header: t('cor.ticket'), width: 150, cell: (c) => <bdi dir="ltr" className="qd-mono">{c.ticket || '–'}</bdi> },
      { id: 'reason', header: t('cor.reason'), width: 260, cell: (c) => <span dir="auto">{c.reason ?? '–'}</span> },
    ],
    [t],
  );
  return <DataTable id="closed-changes" label={t('cor.closed')} columns={columns} rows={list.rows} rowId={(c) => c.line_id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(c) => void go({ to: c.batch_id ? (`/corrections/${c.batch_id}` as never) : (`/statements/${c.statement_id}` as never) })} empty={{ title: t('cor.noClosed'), text: t('cor.noClosedText') }} />;
}
