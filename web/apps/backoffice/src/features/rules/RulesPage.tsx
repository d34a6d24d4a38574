import { Button, Stack } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, ErrorState, Page, StatusChip, useSearchState, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ListTabs } from '../../lib/ListTabs';
import { outcomeText, setText } from './words';

type Rule = Schema<'Rule'>;

/** Where the house decides by rule: each set in order of priority, the first match counts. */
export function RulesPage() {
  const { t } = useTranslation('office-house');
  const go = useNavigate();
  const may = useCan('rules.edit');
  const [search] = useSearchState();
  const sets = useApiQuery('/api/v1/rule-sets', {});
  const rules = useApiQuery('/api/v1/rules', {});
  const columns = useMemo<readonly Column<Rule>[]>(
    () => [
      { id: 'priority', header: t('rules.field.priority'), width: 100, align: 'number', cell: (r) => r.priority },
      { id: 'name', header: t('rules.field.name'), width: 260, fixed: true, card: 'title', cell: (r) => <bdi>{r.name}</bdi> },
      { id: 'state', header: t('rules.field.state'), width: 120, card: 'side', cell: (r) => <StatusChip kind="rule" value={r.state} /> },
      { id: 'expression', header: t('rules.field.expression'), width: 360, cell: (r) => <bdi dir="ltr" className="qd-mono">{r.expression}</bdi> },
      { id: 'outcome', header: t('rules.field.outcome'), width: 260, cell: (r) => outcomeText(r.outcome) },
      { id: 'entity', header: t('rules.field.entity'), width: 110, cell: (r) => r.entity ?? t('everywhere') },
      { id: 'tests', header: t('rules.field.tests'), width: 110, align: 'number', cell: (r) => r.tests.length },
      { id: 'version', header: t('version'), width: 100, align: 'number', cell: (r) => r.version },
      { id: 'at', header: t('changed'), width: 150, cell: (r) => <When us={r.changed_at_us} /> },
    ],
    [t],
  );
  const all = sets.data?.items ?? [];
  const chosen = search.set;
  const shown = chosen ? all.filter((s) => s.name === chosen) : all;
  return (
    <Page
      title={t('rules.title')}
      text={t('rules.text')}
      actions={may ? <Button onClick={() => void go({ to: '/rules/new' as never, search: (chosen ? { set: chosen } : {}) as never })}>{t('rules.add')}</Button> : null}
      tabs={<ListTabs label={t('rules.title')} name="set" tabs={[{ value: null, label: t('all') }, ...all.map((s) => ({ value: s.name, label: setText(s.name, s.title) }))]} />}
    >
      {sets.error && !sets.data ? (
        <ErrorState error={sets.error} onRetry={() => void sets.refetch()} />
      ) : (
        <Stack>
          {shown.map((set) => (
            <Card key={set.name} title={setText(set.name, set.title)} flush>
              <DataTable
                id="rules"
                inline
                label={setText(set.name, set.title)}
                columns={columns}
                rows={rules.data?.items.filter((r) => r.set === set.name)}
                rowId={(r) => r.id}
                loading={rules.isPending}
                error={rules.error}
                onRetry={() => void rules.refetch()}
                onOpen={(r) => void go({ to: `/rules/${r.id}` as never })}
                empty={{ title: t('rules.none') }}
                rowTone={(r) => (r.state === 'retired' ? 'muted' : undefined)}
              />
            </Card>
          ))}
        </Stack>
      )}
    </Page>
  );
}
