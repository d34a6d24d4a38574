import { Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { ErrorState } from '@qd/ui';
import { History } from './History';

/** All kept versions of an entity, brand, desk or setting. */
export function KindHistory({ kind, code }: { kind: 'entity' | 'brand' | 'desk' | 'setting'; code: string }) {
  const kept = useApiQuery('/api/v1/history/{kind}/{code}', { path: { kind, code } });
  if (kept.error && !kept.data) return <ErrorState error={kept.error} onRetry={() => void kept.refetch()} />;
  if (!kept.data) return <Skeleton height={80} />;
  return <History versions={kept.data.items} />;
}
