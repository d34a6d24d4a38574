import { Skeleton } from '@mantine/core';
import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import { number, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, CopyId, DataTable, ErrorState, Figure, FilterBar, KeyValue, Money, Notice, Page, toneOf, useFilters, When, type Column, type Filter } from '@qd/ui';
import { useParams } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { Named, useNames } from '../../lib/names';
import { To } from '../../lib/To';
import { Breaks } from './Breaks';
import { Read, underWay } from './Files';

type Line = Row<'/api/v1/reconciliation/files/{id}/lines'>;

const LINE_STATES = ['open', 'matched', 'noted', 'repeated', 'broken', 'explained'] as const;

/** One settlement file: how far it has been read, what differs, and its lines with what each stands against. */
export function FilePage() {
  const { t, i18n } = useTranslation('office-recon');
  const lang = i18n.language;
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const file = useApiQuery('/api/v1/reconciliation/files/{id}', { path: { id } });
  const f = file.data;
  const name = useNames([f?.loaded_by]);
  const busy = f ? underWay(f) : false;
  const { refetch } = file;
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(() => void refetch(), 1_500);
    return () => clearInterval(timer);
  }, [busy, refetch]);
  const crumbs = [{ label: t('title'), to: '/reconciliation' }];
  if (!f) return <Page title={t('file')} crumbs={crumbs}>{file.error ? <ErrorState error={file.error} onRetry={() => void file.refetch()} /> : <Skeleton height={240} />}</Page>;
  return (
    <Page title={f.name || f.file_ref || t('noName')} crumbs={crumbs} aside={<Chip tone={toneOf('settlement_file', f.state)} label={t(`fileState.${f.state}`)} />}>
      {f.problem && <Notice tone={f.state === 'refused' ? 'bad' : 'warn'} title={f.state === 'refused' ? t('refused') : t('toNote')}><bdi dir="auto">{f.problem}</bdi></Notice>}
      <Cards min="10rem">
        <Figure label={t('linesRead')} value={<Read of={f} />} />
        <Figure label={t('matched')} value={number(lang, f.matched)} />
        <Figure label={t('tab.breaks')} value={number(lang, f.breaks)} />
        <Figure label={t('repeated')} value={number(lang, f.repeated)} note={t('repeatedNote')} />
      </Cards>
      <Card title={t('about')}>
        <KeyValue
          items={[
            { label: t('connection'), value: <bdi>{f.connection}</bdi> },
            { label: t('entity'), value: <bdi>{f.entity.toUpperCase()}</bdi> },
            { label: t('fileRef'), value: f.file_ref ? <bdi dir="ltr" className="qd-mono">{f.file_ref}</bdi> : null, optional: true },
            { label: t('from'), value: f.from_us ? <When us={f.from_us} as="full" /> : null, optional: true },
            { label: t('until'), value: f.until_us ? <When us={f.until_us} as="full" /> : null, optional: true },
            { label: t('size'), value: number(lang, Math.max(1, Math.round(f.size / 1000)), { style: 'unit', unit: 'kilobyte' }) },
            { label: t('loadedBy'), value: <Named id={f.loaded_by} name={name(f.loaded_by)} /> },
            { label: t('loaded'), value: <When us={f.loaded_at_us} as="full" /> },
            { label: t('finished'), value: f.finished_at_us ? <When us={f.finished_at_us} as="full" /> : null, optional: true },
            { label: t('id'), value: <CopyId id={f.id} /> },
          ]}
        />
      </Card>
      {f.breaks > 0 && (
        <Card title={t('tab.breaks')} flush>
          <Breaks file={id} />
        </Card>
      )}
      <Card title={t('lines')} flush>
        <Lines file={id} done={!busy} />
      </Card>
    </Page>
  );
}

function Lines({ file, done }: { file: string; done: boolean }) {
  const { t, i18n } = useTranslation('office-recon');
  const filters = useMemo<readonly Filter[]>(() => [{ kind: 'choice', name: 'line', label: t('state'), pinned: true, options: LINE_STATES.map((value) => ({ value, label: t(`lineState.${value}`) })) }], [t]);
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/reconciliation/files/{id}/lines', { path: { id: file }, query: { state: LINE_STATES.find((s) => s === values.line), limit: 50 } });
  const { refetch } = list;
  useEffect(() => {
    if (done) void refetch();
  }, [done, refetch]);
  const columns = useMemo<readonly Column<Line>[]>(
    () => [
      { id: 'line', header: t('line'), width: 80, align: 'number', fixed: true, cell: (l) => number(i18n.language, l.line) },
      { id: 'kind', header: t('lineKind'), width: 150, cell: (l) => serverText('office-recon', `kindOf.${l.kind}`) },
      { id: 'word', header: t('word'), width: 140, cell: (l) => <bdi dir="auto">{plain(l.word)}</bdi> },
      { id: 'gross', header: t('gross'), width: 140, align: 'number', card: 'side', cell: (l) => <Money value={l.gross} signed /> },
      { id: 'fee', header: t('fee'), width: 120, align: 'number', cell: (l) => <Money value={l.fee} /> },
      { id: 'state', header: t('state'), width: 150, cell: (l) => <Chip tone={toneOf('settlement_line', l.state)} label={t(`lineState.${l.state}`)} /> },
      { id: 'rule', header: t('matchedBy'), width: 190, cell: (l) => (l.rule ? serverText('office-recon', `matchRule.${l.rule}`) : <span className="qd-muted">–</span>) },
      { id: 'entry', header: t('entry'), width: 150, cell: (l) => (l.entry_id ? <To to={`/ledger/entries/${l.entry_id}`}>{t('toEntry')}</To> : <span className="qd-muted">–</span>) },
      { id: 'our', header: t('ourRef'), width: 170, cell: (l) => <Ref text={l.our_ref} /> },
      { id: 'theirs', header: t('theirRef'), width: 170, cell: (l) => <Ref text={l.provider_ref ?? l.payment_ref} /> },
      { id: 'at', header: t('time'), width: 150, cell: (l) => <When us={l.at_us} /> },
    ],
    [t, i18n.language],
  );
  return (
    <DataTable
      id="recon-lines"
      inline
      label={t('lines')}
      columns={columns}
      rows={list.rows}
      rowId={(l) => l.id}
      loading={list.isPending}
      error={list.error}
      onRetry={() => void list.refetch()}
      more={list.more}
      hasMore={list.hasMore}
      loadingMore={list.loadingMore}
      rowTone={(l) => (l.state === 'broken' ? 'bad' : l.state === 'repeated' ? 'muted' : undefined)}
      filtered={active}
      onResetFilters={reset}
      empty={{ title: done ? t('noLines') : t('notReadYet') }}
      toolbar={<FilterBar filters={filters} />}
    />
  );
}

const Ref = ({ text }: { text: string | null | undefined }) => (text ? <bdi dir="ltr" className="qd-mono">{text}</bdi> : <span className="qd-muted">–</span>);
