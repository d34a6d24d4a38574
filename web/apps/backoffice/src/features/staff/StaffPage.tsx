import { Button } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip, DataTable, FilterBar, Page, statusText, useFilters, usePeek, useSearchState, When, type Column, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { EditStaff } from './EditStaff';
import { StaffPeek } from './StaffPeek';

export type StaffRow = Row<'/api/v1/staff'>;
const idOf = (row: StaffRow) => row.id;

/** Who works here, with which roles, and whether they can sign in. */
export function StaffPage() {
  const { t } = useTranslation('office-staff');
  const { id: addressed } = useParams({ strict: false });
  const [search, set] = useSearchState();
  const may = useCan('staff.manage');
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'text', name: 'desk', label: t('col.desk'), pinned: true },
      { kind: 'flag', name: 'active', label: t('filter.active'), pinned: true },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/staff', { query: { ...values, active: values.active === 'true' ? true : undefined, limit: 50 } });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const open = peek.id ?? addressed;
  const columns = useMemo<readonly Column<StaffRow>[]>(
    () => [
      { id: 'name', header: t('col.name'), width: 200, fixed: true, cell: (s) => <bdi>{s.name}</bdi> },
      { id: 'roles', header: t('col.roles'), width: 240, cell: (s) => s.roles.map((r) => statusText('role', r)).join(' · ') },
      { id: 'desk', header: t('col.desk'), width: 130, cell: (s) => s.desk },
      { id: 'entities', header: t('col.entities'), width: 150, cell: (s) => (s.entities.includes('*') ? t('allEntities') : s.entities.join(' · ')) },
      { id: 'state', header: t('col.state'), width: 160, card: 'side', cell: (s) => <StaffState row={s} /> },
      { id: 'second', header: t('col.second'), width: 150, cell: (s) => (s.second_factor ? t('yes') : t('no')) },
      { id: 'last', header: t('col.last'), width: 160, cell: (s) => <When us={s.last_sign_in_at_us} /> },
      { id: 'email', header: t('col.email'), width: 240, hidden: true, cell: (s) => <bdi>{s.email}</bdi> },
    ],
    [t],
  );
  return (
    <Page title={t('title')} fill actions={may ? <Button onClick={() => set({ add: '1' })}>{t('add')}</Button> : null}>
      <DataTable
        id="staff"
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
        onOpen={(row) => peek.open(row.id)}
        opened={open}
        filtered={active}
        onResetFilters={reset}
        empty={{ title: t('empty.title'), text: t('empty.text') }}
        toolbar={<FilterBar filters={filters} />}
        rowTone={(s) => (s.state === 'active' ? undefined : 'muted')}
      />
      <StaffPeek id={open} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} onEdit={(id) => set({ edit: id })} />
      <EditStaff id={search.add === '1' ? 'new' : search.edit} onClose={() => set({ add: null, edit: null })} />
    </Page>
  );
}

export function StaffState({ row }: { row: StaffRow }) {
  const { t } = useTranslation('office-staff');
  if (row.locked_until_us && row.locked_until_us > Date.now() * 1000) return <Chip tone="warn" label={t('state.locked')} />;
  if (row.state === 'active') return <Chip tone="good" label={t('state.active')} />;
  if (row.state === 'invited') return <Chip tone="info" label={t('state.invited')} />;
  return <Chip tone="idle" label={t('state.disabled')} />;
}
