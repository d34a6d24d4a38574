import { Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Slow } from '../state/Slow';

/** While the first answers are on their way: the shape of the frame. */
export function FrameSkeleton() {
  return (
    <Slow onRetry={() => location.reload()}>
      <div style={{ display: 'grid', gap: '1rem', padding: '0.75rem 1.25rem' }}>
        <Skeleton height={32} width="40%" />
        <PageSkeleton />
      </div>
    </Slow>
  );
}

export function PageSkeleton() {
  const { t } = useTranslation('common');
  return (
    <div role="status" aria-label={t('loading')} style={{ display: 'grid', gap: '1rem', padding: '1.1rem 1.4rem' }}>
      <Skeleton height={28} width="16rem" maw="60%" />
      <Skeleton height={120} radius="md" />
      <Skeleton height={280} radius="md" />
    </div>
  );
}
