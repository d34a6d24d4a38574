import { Skeleton, Tree, useTree, type TreeNodeData } from '@mantine/core';
import '@mantine/core/styles/Tree.css';
import { useApiQuery, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, ErrorState, StatusChip } from '@qd/ui';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Chain } from './Chain';
import classes from './partners.module.css';

type Member = Schema<'PartnerMember'>;

function nodesOf(items: readonly Member[], parent: string): TreeNodeData[] {
  return items
    .filter((m) => m.parent === parent && m.level > 0)
    .map((m) => {
      const children = nodesOf(items, m.id);
      return { value: m.id, label: m.name, nodeProps: { state: m.state }, ...(children.length > 0 ? { children } : {}) };
    });
}

/** Everybody below, by level; Enter opens a partner. */
export function TreeTab({ id }: { id: string }) {
  const { t } = useTranslation('office-partners');
  const tree = useApiQuery('/api/v1/partners/{id}/tree', { path: { id } });
  const items = tree.data?.items;
  return (
    <Card title={t('tree.title')}>
      <p style={{ margin: 0 }}><Chain id={id} last /></p>
      {tree.error && !items ? (
        <ErrorState error={tree.error} onRetry={() => void tree.refetch()} />
      ) : !items ? (
        <Skeleton height={200} />
      ) : items.length <= 1 ? (
        <p className="qd-muted">{t('tree.none')}</p>
      ) : (
        <Branches items={items} id={id} />
      )}
    </Card>
  );
}

function Branches({ items, id }: { items: readonly Member[]; id: string }) {
  const { t } = useTranslation('office-partners');
  const go = useNavigate();
  const data = useMemo(() => nodesOf(items, id), [items, id]);
  const tree = useTree({ initialExpandedState: Object.fromEntries(items.map((m) => [m.id, true])) });
  return (
    <>
      <p className="qd-muted" style={{ marginBlock: '0.25rem' }}>{t('tree.count', { count: items.length - 1 })}</p>
      <Tree
        data={data}
        tree={tree}
        levelOffset={26}
        aria-label={t('tree.title')}
        renderNode={({ node, expanded, hasChildren, elementProps }) => (
          <div {...elementProps} className={`${elementProps.className} ${classes.node}`}>
            <span className={classes.mark}>{hasChildren ? expanded ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden className={classes.flip} /> : null}</span>
            <button type="button" tabIndex={-1} className={classes.open} onClick={(e) => { e.stopPropagation(); void go({ to: `/partners/${node.value}` as never, search: { tab: 'tree' } as never }); }}>
              <bdi>{node.label}</bdi>
            </button>
            <StatusChip kind="partner" value={(node.nodeProps as { state: string }).state} size="sm" />
          </div>
        )}
      />
    </>
  );
}
