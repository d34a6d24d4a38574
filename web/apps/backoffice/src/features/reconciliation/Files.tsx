import { Progress } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Chip, CopyId, DataTable, FilterBar, toneOf, useFilters, When, type Column, type Filter } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { Named, useNames } from '../../lib/names';
import { useProviders } from './providers';

export type File = Row<'/api/v1/reconciliation/files'>;

export const underWay = (f: Pick<File, 'state'>) => f.state === 'stored' || f.state === 'reading' || f.state === 'settling';

/** How far a file has been read. */
export function Read({ of }: { of: File }) {
  const { t, i18n } = useTranslation('office-recon');
  const lang = i18n.language;
  const text = t('linesOf', { read: number(lang, of.lines_read), total: number(lang, of.lines_total) });
  if (!underWay(of) || of.lines_total === 0) return <span>{text}</span>;
  return (
    <span style={{ display: 'grid', gap: '0.2rem', minInlineSize: '8rem' }}>
      <Progress value={(100 * of.lines_read) / of.lines_total} aria-label={text} />
      <span>{text}</span>
    </span>
  );
}

/** Settlement files, the newest first, with how far each has been read and what came of it. */
export function Files() {
  const { t, i18n } = useTranslation('office-recon');
  const lang = i18n.language;
  const navigate = useNavigate();
  const providers = useProviders();
  const filters = useMemo<readonly Filter[]>(() => (providers.length < 2 ? [] : [{ kind: 'choice', name: 'connection', label: t('connection'), pinned: true, options: providers.map((p) => ({ value: p, label: p })) }]), [t, providers]);
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/reconciliation/files', { query: { connection: values.connection, limit: 50 } });
  const busy = list.rows.some(underWay);
  const { refetch } = list;
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(() => void refetch(), 2_000);
    return () => clearInterval(timer);
  }, [busy, refetch]);
  const name = useNames(useMemo(() => list.rows.map((f) => f.loaded_by), [list.rows]));
  const columns = useMemo<readonly Column<File>[]>(
    () => [
      { id: 'name', header: t('file'), width: 260, fixed: true, cell: (f) => <bdi dir="ltr">{f.name || f.file_ref || t('noName')}</bdi> },
      { id: 'state', header: t('state'), width: 150, card: 'side', cell: (f) => <Chip tone={toneOf('settlement_file', f.state)} label={t(`fileState.${f.state}`)} /> },
      { id: 'connection', header: t('connection'), width: 150, cell: (f) => <bdi>{f.connection}</bdi> },
      { id: 'read', header: t('linesRead'), width: 170, cell: (f) => <Read of={f} /> },
      { id: 'matched', header: t('matched'), width: 110, align: 'number', cell: (f) => number(lang, f.matched) },
      { id: 'breaks', header: t('tab.breaks'), width: 110, align: 'number', cell: (f) => number(lang, f.breaks) },
      { id: 'repeated', header: t('repeated'), width: 110, align: 'number', cell: (f) => number(lang, f.repeated) },
      { id: 'from', header: t('from'), width: 150, cell: (f) => <When us={f.from_us} /> },
      { id: 'until', header: t('until'), width: 150, cell: (f) => <When us={f.until_us} /> },
      { id: 'by', header: t('loadedBy'), width: 150, cell: (f) => <Named id={f.loaded_by} name={name(f.loaded_by)} /> },
      { id: 'at', header: t('loaded'), width: 150, cell: (f) => <When us={f.loaded_at_us} /> },
      { id: 'id', header: t('id'), width: 130, hidden: true, cell: (f) => <CopyId id={f.id} /> },
    ],
    [t, lang, name],
  );
  return (
    <DataTable
      id="recon-files"
      label={t('tab.files')}
      columns={columns}
      rows={list.rows}
      rowId={(f) => f.id}
      loading={list.isPending}
      error={list.error}
      onRetry={() => void list.refetch()}
      more={list.more}
      hasMore={list.hasMore}
      loadingMore={list.loadingMore}
      onOpen={(f) => void navigate({ to: `/reconciliation/files/${f.id}` as never })}
      rowTone={(f) => (f.state === 'refused' ? 'bad' : undefined)}
      filtered={active}
      onResetFilters={reset}
      empty={{ title: t('noFiles'), text: t('noFilesText') }}
      toolbar={<FilterBar filters={filters} />}
    />
  );
}
