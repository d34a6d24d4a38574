import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { href, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, DataTable, ErrorState, KeyValue, Lots, Money, Page, StatusChip, When, type Column } from '@qd/ui';
import { IconDownload } from '@tabler/icons-react';
import { useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Named, useNames } from '../../lib/names';
import { PartnerName } from './Chain';
import { lotsText } from './lots';
import { reasonOf } from './words';

interface FrozenLine {
  id: string;
  kind: string;
  value_date: string;
  symbol: string;
  level: number;
  lots: number;
  minor: number;
  reason: string | null;
  rule: string | null;
}

interface Frozen {
  lines?: FrozenLine[];
  adjustments?: FrozenLine[];
}

/** The content is text, to the byte what was hashed; only for showing it is read as JSON. */
function frozen(content: string): Frozen {
  try {
    return JSON.parse(content) as Frozen;
  } catch {
    return {};
  }
}

/** One closed statement with its sums, its hash and its lines as they were frozen. */
export function StatementFile({ id }: { id: string }) {
  const { t } = useTranslation('office-partners');
  const one = useApiQuery('/api/v1/statements/{id}', { path: { id } });
  const s = one.data?.statement;
  const content = one.data?.content;
  const inside = useMemo(() => (content ? frozen(content) : {}), [content]);
  const name = useNames([s?.closed_by]);
  const currency = s?.currency ?? 'EUR';
  const columns = useMemo<readonly Column<FrozenLine>[]>(
    () => [
      { id: 'at', header: t('col.value'), width: 215, fixed: true, cell: (l) => <When us={Date.parse(l.value_date) * 1000} as="full" /> },
      { id: 'symbol', header: t('col.symbol'), width: 100, cell: (l) => <bdi dir="ltr">{l.symbol}</bdi> },
      { id: 'level', header: t('col.level'), width: 80, align: 'number', cell: (l) => l.level },
      { id: 'lots', header: t('col.lots'), width: 80, align: 'number', cell: (l) => <Lots value={lotsText(l.lots)} unit={false} /> },
      { id: 'amount', header: t('col.amount'), width: 120, align: 'number', card: 'side', cell: (l) => <Money value={{ minor: l.minor, currency }} tone={l.kind === 'reversal'} /> },
      { id: 'kind', header: t('col.kind'), width: 120, cell: (l) => (l.reason ? reasonOf(l.reason) : <StatusChip kind="line" value={l.kind} />) },
    ],
    [t, currency],
  );
  if (one.error && !s) return <ErrorState error={one.error} onRetry={() => void one.refetch()} />;
  if (!s) return <Stack><Skeleton height={20} width="50%" /><Skeleton height={260} /></Stack>;
  const money = (minor: number) => <Money value={{ minor, currency: s.currency }} />;
  return (
    <Stack>
      <Group gap="xs">
        <Button component="a" variant="default" leftSection={<IconDownload size={16} aria-hidden />} href={href('/api/v1/statements/{id}/pdf', { path: { id } })} download>{t('statement.pdf')}</Button>
        <Button component="a" variant="default" leftSection={<IconDownload size={16} aria-hidden />} href={href('/api/v1/statements/{id}/csv', { path: { id } })} download>{t('statement.csv')}</Button>
      </Group>
      <KeyValue
        items={[
          { label: t('partner'), value: <PartnerName id={s.partner_id} /> },
          { label: t('col.period'), value: <><When us={s.period_from_us} as="full" /> – <When us={s.period_to_us} as="full" /></> },
          { label: t('col.opening'), value: money(s.opening_minor) },
          { label: t('money.earned'), value: money(s.lines_minor) },
          { label: t('col.adjust'), value: money(s.adjustments_minor) },
          { label: t('tab.payouts'), value: money(s.payouts_minor) },
          { label: t('col.closing'), value: <Money strong value={{ minor: s.closing_minor, currency: s.currency }} /> },
          { label: t('col.closedAt'), value: <When us={s.closed_at_us} as="full" /> },
          { label: t('col.closedBy'), value: <Named id={s.closed_by} name={s.closed_by.startsWith('system') ? t('system') : name(s.closed_by)} /> },
          { label: t('statement.hash'), value: <CopyId id={s.sha256} label={`${s.sha256.slice(0, 12)}…${s.sha256.slice(-6)}`} /> },
          { label: t('col.id'), value: <CopyId id={s.id} /> },
        ]}
      />
      <Card title={t('statement.lines')} flush>
        <DataTable id="statement-lines" inline label={t('statement.lines')} columns={columns} rows={inside.lines ?? []} rowId={(l) => l.id} empty={{ title: t('lines.none') }} />
      </Card>
      {(inside.adjustments ?? []).length > 0 && (
        <Card title={t('col.adjust')} flush>
          <DataTable id="statement-adjustments" inline label={t('col.adjust')} columns={columns} rows={inside.adjustments} rowId={(l) => l.id} />
        </Card>
      )}
    </Stack>
  );
}

export function StatementPage() {
  const { t } = useTranslation('office-partners');
  const { id } = useParams({ strict: false }) as { id: string };
  return (
    <Page title={t('statement.title')} crumbs={[{ label: t('title'), to: '/partners' }]} width="wide">
      <StatementFile id={id} />
    </Page>
  );
}
