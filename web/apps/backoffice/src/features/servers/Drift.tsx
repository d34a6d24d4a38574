import { useApiQuery, useCursorPages, type components } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, DataTable, ErrorState, Figure, FilterBar, Lots, Money, Notice, useFilters, useSearchState, When, type Column, type Filter } from '@qd/ui';
import { useEffect, useMemo, type ReactNode } from 'react';
import { ClientLink, Named, useNames } from '../../lib/names';

type Finding = components['schemas']['DriftFinding'];
type Day = components['schemas']['DriftDay'];

const KINDS = ['balance', 'credit', 'rights', 'group', 'leverage', 'positions', 'deals', 'missing'] as const;

/** Where a server differs from what we have: the last comparison, what it repaired, and what is left for people. */
export function Drift({ server }: { server: string }) {
  const { t, i18n } = useTranslation('office-servers');
  const lang = i18n.language;
  const [search] = useSearchState();
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'open', label: t('state'), pinned: true, options: [{ value: 'true', label: t('stillOpen') }, { value: 'false', label: t('ended') }] },
      { kind: 'choice', name: 'kind', label: t('difference'), pinned: true, options: KINDS.map((value) => ({ value, label: t(`drift.${value}`) })) },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const runs = useApiQuery('/api/v1/trading/drift', { query: { server, limit: 1 } });
  const list = useCursorPages('/api/v1/trading/drift', {
    query: { server, kind: KINDS.find((k) => k === values.kind), open: search.open === undefined ? undefined : search.open === 'true', limit: 50 },
  });
  const run = runs.data?.runs.find((r) => r.server === server);
  const waiting = run?.state === 'waiting';
  const { refetch } = runs;
  const { refetch: again } = list;
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => {
      void refetch();
      void again();
    }, 2_000);
    return () => clearInterval(timer);
  }, [waiting, refetch, again]);
  const rows = list.rows as readonly Finding[];
  const name = useNames(useMemo(() => [...rows.map((f) => f.client_id), run?.asked_by], [rows, run?.asked_by]));
  const columns = useMemo<readonly Column<Finding>[]>(
    () => [
      { id: 'kind', header: t('difference'), width: 190, fixed: true, cell: (f) => t(`drift.${f.kind}`) },
      { id: 'login', header: t('login'), width: 120, card: 'side', cell: (f) => <bdi dir="ltr">{f.login}</bdi> },
      { id: 'client', header: t('client'), width: 170, cell: (f) => <ClientLink id={f.client_id} name={name(f.client_id)} /> },
      { id: 'ours', header: t('ours'), width: 170, cell: (f) => <bdi dir="auto">{f.ours}</bdi> },
      { id: 'theirs', header: t('theirs'), width: 170, cell: (f) => <bdi dir="auto">{f.theirs}</bdi> },
      { id: 'delta', header: t('delta'), width: 140, align: 'number', cell: (f) => <Money value={f.delta} signed /> },
      { id: 'cause', header: t('cause'), width: 300, cell: (f) => <bdi dir="auto">{f.cause}</bdi> },
      { id: 'repair', header: t('repair'), width: 210, cell: (f) => (f.repair ? <Chip size="sm" tone="good" label={t(`repairs.${f.repair}`)} /> : <span className="qd-muted">{f.ended_at_us ? '–' : t('forPeople')}</span>) },
      { id: 'first', header: t('first'), width: 150, cell: (f) => <When us={f.first_seen_at_us} /> },
      { id: 'last', header: t('last'), width: 150, cell: (f) => <When us={f.last_seen_at_us} /> },
      { id: 'ended', header: t('endedAt'), width: 150, cell: (f) => (f.ended_at_us ? <When us={f.ended_at_us} /> : <Chip size="sm" tone="warn" label={t('stillOpen')} />) },
    ],
    [t, name],
  );
  if (runs.error && !runs.data) return <ErrorState error={runs.error} onRetry={() => void runs.refetch()} />;
  return (
    <>
      {waiting && <Notice title={t('comparing')}>{t('comparingText')}</Notice>}
      {run?.state === 'failed' && <Notice tone="bad" title={t('runFailed')}><bdi dir="auto">{run.error}</bdi></Notice>}
      <Cards min="10rem">
        <Figure label={t('compared')} value={<When us={run?.ended_at_us} />} note={run ? run.asked_by === 'clock' ? t('byClock') : <Named id={run.asked_by} name={name(run.asked_by)} /> : t('neverCompared')} />
        <Figure label={t('differs')} value={run ? number(lang, run.differs) : '–'} />
        <Figure label={t('repaired')} value={run ? number(lang, run.repaired) : '–'} note={t('repairedNote')} />
        <Figure label={t('accounts')} value={run ? number(lang, run.accounts) : '–'} />
        <Figure label={t('positions')} value={run ? number(lang, run.positions) : '–'} />
        <Figure label={t('unmapped')} value={run ? number(lang, run.unmapped) : '–'} />
      </Cards>
      <Card title={t('differencesTitle')} flush>
        <DataTable
          id="server-drift"
          inline
          label={t('differencesTitle')}
          columns={columns}
          rows={rows}
          rowId={(f) => f.id}
          loading={list.isPending}
          error={list.error}
          onRetry={() => void list.refetch()}
          more={list.more}
          hasMore={list.hasMore}
          loadingMore={list.loadingMore}
          filtered={active}
          onResetFilters={reset}
          rowTone={(f) => (f.ended_at_us ? 'muted' : undefined)}
          empty={{ kind: 'done', title: t('noDrift'), text: t('noDriftText') }}
          toolbar={<FilterBar filters={filters} />}
        />
      </Card>
      {run && run.days.length > 0 && <Days of={run.days} />}
    </>
  );
}

/** Lots in 1e-8 -> decimal text; exact, the zeros at the end left out. */
export function lotsOf(e8: number): string {
  const digits = Math.abs(e8).toString().padStart(9, '0');
  const rest = digits.slice(-8).replace(/0+$/, '');
  return `${e8 < 0 ? '-' : ''}${digits.slice(0, -8)}${rest ? `.${rest}` : ''}`;
}

/** The day before and this day, by recorded deals and by a fresh read. */
function Days({ of }: { of: readonly Day[] }) {
  const { t, i18n } = useTranslation('office-servers');
  const columns = useMemo<readonly Column<Day>[]>(() => {
    const pair = (a: ReactNode, b: ReactNode, same: boolean) => (
      <span style={{ display: 'inline-flex', gap: '0.4rem', alignItems: 'center', flexWrap: 'wrap', justifyContent: 'end' }}>
        {same ? a : <>{a}<span aria-hidden>≠</span>{b}</>}
        <Chip size="sm" tone={same ? 'good' : 'bad'} label={same ? t('same') : t('notSame')} />
      </span>
    );
    const money = (d: Day, minor: number) => <Money value={{ minor, currency: d.currency }} />;
    return [
      { id: 'day', header: t('day'), width: 130, fixed: true, cell: (d) => <bdi dir="ltr">{d.day}</bdi> },
      { id: 'currency', header: t('currency'), width: 100, cell: (d) => d.currency },
      { id: 'trades', header: t('trades'), width: 180, align: 'number', cell: (d) => pair(number(i18n.language, d.ours.trades), number(i18n.language, d.theirs.trades), d.ours.trades === d.theirs.trades) },
      { id: 'volume', header: t('volume'), width: 230, align: 'number', cell: (d) => pair(<Lots value={lotsOf(d.ours.volume_e8)} />, <Lots value={lotsOf(d.theirs.volume_e8)} />, d.ours.volume_e8 === d.theirs.volume_e8) },
      { id: 'result', header: t('result'), width: 280, align: 'number', cell: (d) => pair(money(d, d.ours.result_minor), money(d, d.theirs.result_minor), d.ours.result_minor === d.theirs.result_minor) },
      { id: 'money', header: t('money'), width: 280, align: 'number', cell: (d) => pair(money(d, d.ours.money_minor), money(d, d.theirs.money_minor), d.ours.money_minor === d.theirs.money_minor) },
    ];
  }, [t, i18n.language]);
  return (
    <Card title={t('days')} flush>
      <DataTable id="server-days" inline label={t('days')} columns={columns} rows={of} rowId={(d) => `${d.day}-${d.currency}`} />
    </Card>
  );
}
