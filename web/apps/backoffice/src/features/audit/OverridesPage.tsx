import { Anchor, Group } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Chip, DataTable, FilterBar, Figure, Money, Notice, Page, StatusChip, useFilters, Value, When, type Column, type Filter } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ClientLink, useNames } from '../../lib/names';
import { objectOf } from './words';

type Override = Schema<'Override'>;
const signal = (code: string) => (hasText('status', `signal.${code}`) ? serverText('status', `signal.${code}`) : plain(code));

/** What people forced through against the rules: who, why, what stood against it, and what compliance made of it. */
export function OverridesPage() {
  const { t } = useTranslation('office-audit');
  const filters = useMemo<readonly Filter[]>(() => [{ kind: 'dates', name: 'at', label: t('filter.at'), pinned: true }], [t]);
  const { values, active, reset } = useFilters(filters);
  const report = useApiQuery('/api/v1/reports/overrides', { query: { from_us: values.at_from_us ? Number(values.at_from_us) : undefined, until_us: values.at_until_us ? Number(values.at_until_us) : undefined } });
  const rows = report.data?.items;
  const name = useNames((rows ?? []).map((o) => o.client_id));
  const columns = useMemo<readonly Column<Override>[]>(
    () => [
      { id: 'at', header: t('col.at'), width: 220, fixed: true, cell: (o) => <When us={o.at_us} as="full" /> },
      { id: 'by', header: t('col.who'), width: 180, cell: (o) => <bdi><Value>{o.by}</Value></bdi> },
      { id: 'amount', header: t('over.amount'), width: 150, align: 'number', cell: (o) => <Money value={o.amount} /> },
      { id: 'client', header: t('col.client'), width: 180, cell: (o) => <ClientLink id={o.client_id} name={name(o.client_id)} /> },
      { id: 'signals', header: t('over.against'), width: 280, cell: (o) => o.signals.map(signal).join(' · ') || '–' },
      { id: 'reason', header: t('col.reason'), width: 280, cell: (o) => <span dir="auto"><Value>{o.reason}</Value></span> },
      { id: 'reviewed', header: t('over.reviewed'), width: 150, card: 'side', cell: (o) => (o.reviewed === 'open' ? <Chip tone="warn" label={t('over.open')} /> : <StatusChip kind="exception" value={o.reviewed} />) },
      { id: 'made', header: t('over.resolution'), width: 220, cell: (o) => <span dir="auto">{o.resolution ?? '–'}</span> },
      { id: 'open', header: t('over.record'), width: 130, cell: (o) => { const at = objectOf(o.object); return at.kind === 'withdrawal' ? <Anchor component={Link} to={`/withdrawals/${at.id}` as never} inherit>{t('over.show')}</Anchor> : null; } },
    ],
    // Names come later than rows.
    [t, name],
  );
  const waiting = (rows ?? []).filter((o) => o.reviewed === 'open').length;
  return (
    <Page title={t('over.title')} text={t('over.text')} fill>
      {rows && rows.length > 0 && (
        <Group gap="xl">
          <Figure label={t('over.count')} value={rows.length} />
          <Figure label={t('over.waiting')} value={waiting} />
        </Group>
      )}
      {report.data && !report.data.complete && <Notice tone="warn">{t('over.incomplete')}</Notice>}
      <DataTable
        id="overrides"
        label={t('over.title')}
        columns={columns}
        rows={rows}
        rowId={(o) => o.exception_id}
        loading={report.isPending}
        error={report.error}
        onRetry={() => void report.refetch()}
        filtered={active}
        onResetFilters={reset}
        empty={{ kind: 'done', title: t('over.none'), text: t('over.noneText') }}
        toolbar={<FilterBar filters={filters} />}
      />
    </Page>
  );
}
