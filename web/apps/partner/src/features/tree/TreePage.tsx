import { useApiQuery, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, Page, StatusChip, Why, type WhyNode } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';

type Member = Row<'/api/v1/me/partner/tree'>;

function branch(members: readonly Member[], parent: string | null): WhyNode[] {
  return members
    .filter((m) => (m.parent ?? null) === parent)
    .map((m) => ({ key: m.id, label: <bdi>{m.name}</bdi>, value: <StatusChip kind="partner" value={m.state} />, children: branch(members, m.id) }));
}

/** Partners below me, level by level. */
export function TreePage() {
  const { t } = useTranslation('partner');
  const list = useApiQuery('/api/v1/me/partner/tree', {});
  if (list.error && !list.data) return <ErrorState error={list.error} onRetry={() => void list.refetch()} page />;
  if (!list.data) return <PageSkeleton />;
  const members = list.data.items;
  // The list may start with myself or with those right below: its roots are those whose parent is not in it.
  const ids = new Set<string>(members.map((m) => m.id));
  const rooted = members.map((m) => ({ ...m, parent: m.parent && ids.has(m.parent) ? m.parent : null }));
  return (
    <Page title={t('nav.tree')} text={t('tree.text')}>
      {members.filter((m) => m.level > 0).length === 0 ? (
        <EmptyState kind="first" title={t('tree.none')} text={t('tree.noneText')} />
      ) : (
        <Card>
          <Why nodes={branch(rooted as Member[], null)} open={3} />
        </Card>
      )}
    </Page>
  );
}
