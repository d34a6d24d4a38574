import { Button } from '@mantine/core';
import { useCursorPages, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { DataTable, Page, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';

type Plan = Row<'/api/v1/plans'>;

export function PlansPage() {
  const { t, i18n } = useTranslation('office-partners');
  const go = useNavigate();
  const may = useCan('plans.manage');
  const list = useCursorPages('/api/v1/plans', { query: { limit: 50 } });
  const columns = useMemo<readonly Column<Plan>[]>(
    () => [
      { id: 'name', header: t('col.name'), width: 300, fixed: true, cell: (p) => <bdi>{p.name}</bdi> },
      { id: 'entity', header: t('col.entity'), width: 160, cell: (p) => p.entity ?? t('plans.anyEntity') },
      { id: 'version', header: t('plans.version'), width: 110, align: 'number', cell: (p) => p.version },
      { id: 'uses', header: t('plans.uses'), width: 150, align: 'number', cell: (p) => number(i18n.language, p.uses) },
      { id: 'since', header: t('col.made'), width: 170, cell: (p) => <When us={p.created_at_us} /> },
    ],
    [t, i18n.language],
  );
  return (
    <Page title={t('plans.title')} text={t('plans.text')} fill actions={may ? <Button onClick={() => void go({ to: '/plans/new' as never })}>{t('plans.add')}</Button> : null}>
      <DataTable
        id="plans"
        label={t('plans.title')}
        columns={columns}
        rows={list.rows}
        rowId={(p) => p.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        onOpen={(p) => void go({ to: `/plans/${p.id}` as never })}
        empty={{ title: t('plans.none'), text: t('plans.noneText') }}
      />
    </Page>
  );
}
