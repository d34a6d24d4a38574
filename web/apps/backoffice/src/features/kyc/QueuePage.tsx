import { useApiQuery } from '@qd/api';
import { country, duration, number, useTranslation } from '@qd/i18n';
import { Cards, Chip, CopyId, DataTable, Figure, FilterBar, Page, SavedViews, StatusChip, statusText, useFilters, useSearchState, When, type Column, type Filter } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Due } from '../../lib/clock';
import classes from './kyc.module.css';
import { BANDS, LEVELS, reasonText, useQueue, WAITING, type QueueRow } from './queries';

/** Who waits to be verified, the most pressing first. */
export function QueuePage() {
  const { t, i18n } = useTranslation('office-kyc');
  const lang = i18n.language;
  const navigate = useNavigate();
  const [search] = useSearchState();
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'owner', label: t('owner'), pinned: true, options: [{ value: 'me', label: t('mine') }, { value: 'nobody', label: t('nobody') }] },
      { kind: 'choice', name: 'band', label: t('risk'), pinned: true, options: BANDS.map((value) => ({ value, label: statusText('band', value) })) },
      { kind: 'flag', name: 'overdue', label: t('overdue'), pinned: true },
      { kind: 'choice', name: 'state', label: t('state'), options: WAITING.map((value) => ({ value, label: statusText('kyc', value) })) },
      { kind: 'choice', name: 'level', label: t('level'), options: LEVELS.map((value) => ({ value, label: statusText('level', value) })) },
      { kind: 'text', name: 'country', label: t('country'), placeholder: 'DE' },
      { kind: 'text', name: 'entity', label: t('entity'), placeholder: 'eu' },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useQueue(values);
  const figures = useApiQuery('/api/v1/kyc/figures', {});
  const columns = useMemo<readonly Column<QueueRow>[]>(
    () => [
      { id: 'name', header: t('client'), width: 200, fixed: true, cell: (r) => <bdi>{r.name}</bdi> },
      { id: 'due', header: t('due'), width: 200, card: 'side', cell: (r) => <Due us={r.due_at_us} /> },
      { id: 'risk', header: t('risk'), width: 120, cell: (r) => <StatusChip kind="band" value={r.risk_band} /> },
      { id: 'reasons', header: t('why'), width: 300, cell: (r) => (r.reasons?.length ? r.reasons.map(reasonText).join(' · ') : <span className="qd-muted">–</span>) },
      { id: 'owner', header: t('owner'), width: 150, cell: (r) => (r.owner ? <bdi>{r.owner.name}</bdi> : <span className="qd-muted">{t('nobody')}</span>) },
      { id: 'state', header: t('state'), width: 180, cell: (r) => <StatusChip kind="kyc" value={r.state} /> },
      { id: 'country', header: t('country'), width: 130, cell: (r) => country(lang, r.country) },
      { id: 'level', header: t('level'), width: 110, hidden: true, cell: (r) => statusText('level', r.level) },
      { id: 'round', header: t('round'), width: 90, align: 'number', hidden: true, cell: (r) => number(lang, r.round) },
      { id: 'entity', header: t('entity'), width: 90, hidden: true, cell: (r) => r.entity.toUpperCase() },
      { id: 'submitted', header: t('submitted'), width: 150, cell: (r) => <When us={r.submitted_at_us} /> },
      { id: 'id', header: t('id'), width: 130, hidden: true, cell: (r) => <CopyId id={r.case_id} /> },
    ],
    [t, lang],
  );
  const f = figures.data;
  return (
    <Page title={t('title')} fill>
      {f && (
        <div className={classes.figures}>
        <Cards min="9rem">
          <Figure label={t('fig.waiting')} value={number(lang, f.waiting)} note={f.overdue > 0 ? <Chip tone="bad" size="sm" label={t('fig.overdue', { count: f.overdue })} /> : t('fig.none')} />
          <Figure label={t('fig.unclaimed')} value={number(lang, f.unclaimed)} />
          <Figure label={t('fig.oldest')} value={f.oldest_waits_s ? duration(lang, f.oldest_waits_s) : '–'} />
          <Figure label={t('fig.median')} value={f.median_by_person_s ? duration(lang, f.median_by_person_s) : '–'} note={t('fig.medianNote')} />
          <Figure label={t('fig.byRule')} value={f.decided > 0 ? number(lang, f.by_rule / f.decided, { style: 'percent', maximumFractionDigits: 0 }) : '–'} note={t('fig.byRuleNote')} />
        </Cards>
        </div>
      )}
      <DataTable
        id="kyc-queue"
        label={t('title')}
        columns={columns}
        rows={list.rows}
        rowId={(r) => r.case_id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        onOpen={(r) => void navigate({ to: `/kyc/${r.case_id}` as never, search: search as never })}
        filtered={active}
        onResetFilters={reset}
        empty={{ kind: 'done', title: t('done'), text: t('doneText') }}
        toolbar={<FilterBar filters={filters} before={<SavedViews list="kyc" />} />}
      />
    </Page>
  );
}
