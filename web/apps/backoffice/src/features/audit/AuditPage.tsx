import { Button } from '@mantine/core';
import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, DataTable, ErrorState, FilterBar, Notice, Page, useFilters, usePeek, useSearchState, Value, When, type Column, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';
import { AuditPeek } from './AuditPeek';
import { DayExport } from './DayExport';
import { actorText } from '../../lib/actor';
import { actionText, objectOf } from './words';

export type AuditRow = Row<'/api/v1/audit'>;
const idOf = (row: AuditRow) => row.id;

/** Who did what, when, from where, and what it changed. */
export function AuditPage() {
  const { t } = useTranslation('office-audit');
  const [search] = useSearchState();
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'text', name: 'person', label: t('filter.person'), pinned: true, placeholder: t('filter.personHint') },
      { kind: 'text', name: 'action', label: t('filter.action'), pinned: true, placeholder: t('filter.actionHint') },
      { kind: 'dates', name: 'at', label: t('filter.at'), pinned: true },
      { kind: 'text', name: 'client_id', label: t('filter.client') },
      { kind: 'text', name: 'object', label: t('filter.object') },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const query = useMemo(() => {
    const { at_from_us, at_until_us, ...rest } = values;
    return { ...rest, from_us: at_from_us ? Number(at_from_us) : undefined, until_us: at_until_us ? Number(at_until_us) : undefined, limit: 50 };
  }, [values]);
  const list = useCursorPages('/api/v1/audit', { query });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<AuditRow>[]>(
    () => [
      { id: 'at', header: t('col.at'), width: 215, fixed: true, cell: (r) => <When us={r.at_us} as="full" /> },
      { id: 'who', header: t('col.who'), width: 200, cell: (r) => <bdi><Value>{actorText(r.actor_label)}</Value></bdi> },
      { id: 'action', header: t('col.action'), width: 260, card: 'title', cell: (r) => actionText(r.action) },
      { id: 'object', header: t('col.object'), width: 170, cell: (r) => { const o = objectOf(r.object); return o.id ? <CopyId id={o.id} /> : o.kind; } },
      { id: 'reason', header: t('col.reason'), width: 240, cell: (r) => (r.reason ? <span dir="auto"><Value>{r.reason}</Value></span> : null) },
      { id: 'rule', header: t('col.rule'), width: 180, hidden: true, cell: (r) => <Value>{r.rule}</Value> },
      { id: 'entity', header: t('col.entity'), width: 100, hidden: true, cell: (r) => r.entity },
      { id: 'ip', header: t('col.ip'), width: 140, hidden: true, cell: (r) => <Value>{r.ip}</Value> },
      { id: 'position', header: t('col.position'), width: 120, hidden: true, cell: (r) => r.position },
    ],
    [t],
  );
  return (
    <Page title={t('title')} text={t('text')} fill actions={<><DayExport query={query} /><VerifyButton /></>}>
      <DataTable
        id="audit"
        label={t('title')}
        columns={columns}
        rows={list.rows}
        rowId={idOf}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        sort={search.sort}
        onOpen={(row) => peek.open(row.id)}
        opened={peek.id}
        filtered={active}
        onResetFilters={reset}
        empty={{ title: t('empty.title'), text: t('empty.text') }}
        toolbar={<FilterBar filters={filters} />}
      />
      <AuditPeek row={list.rows.find((r) => r.id === peek.id)} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} />
    </Page>
  );
}

/** The whole trail is read again, so it runs when somebody asks and says what it found. */
function VerifyButton() {
  const { t } = useTranslation('office-audit');
  const may = useCan('audit.verify');
  const [asked, setAsked] = useState(false);
  const verdict = useApiQuery('/api/v1/audit/verify', asked ? {} : null);
  if (!may) return null;
  const faults = verdict.data ? [...verdict.data.audit, ...verdict.data.ledger] : [];
  return (
    <>
      {verdict.error && <ErrorState error={verdict.error} onRetry={() => void verdict.refetch()} />}
      {verdict.data && !verdict.isFetching && (
        <Notice tone={verdict.data.clean ? 'good' : 'bad'}>
          {verdict.data.clean ? t('verify.clean') : t('verify.faults', { count: faults.length })}
          {faults.slice(0, 5).map((f) => (
            <div key={`${f.code}${f.row}`}>
              <bdi className="qd-mono">{f.row}</bdi> · {f.detail}
            </div>
          ))}
        </Notice>
      )}
      <Button variant="default" loading={asked && verdict.isFetching} onClick={() => (asked ? void verdict.refetch() : setAsked(true))}>
        {t('verify.run')}
      </Button>
    </>
  );
}
