import { Anchor } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { hasText, serverText, useTranslation } from '@qd/i18n';
import { Card, Cards, EmptyState, ErrorState, Figure, Page, Waited } from '@qd/ui';
import { PageSkeleton, useSession } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';

// Where each queue is worked.
const pageOf: Record<string, string> = { kyc: '/kyc', withdrawals: '/withdrawals', deposits: '/deposits', tickets: '/tickets?unsolved=true', tasks: '/tasks', approvals: '/approvals' };

/** My queues with their clocks: what waits, for how long, what is overdue. */
export function Home() {
  const { t } = useTranslation('office');
  const { name } = useSession();
  const home = useApiQuery('/api/v1/home');
  const queues = home.data?.queues ?? [];
  if (home.error && !home.data) return <ErrorState error={home.error} onRetry={() => void home.refetch()} page />;
  if (!home.data) return <PageSkeleton />;
  return (
    <Page title={t('home.title', { name })}>
      {queues.length === 0 ? (
        <EmptyState kind="done" />
      ) : (
        <Cards min="15rem">
          {queues.map((queue) => (
            <Card key={queue.key} title={<Anchor component={Link} inherit to={(queue.key.startsWith('exceptions') ? '/exceptions' : (pageOf[queue.key] ?? '/')) as never}>{hasText('status', `queue.${queue.key}`) ? serverText('status', `queue.${queue.key}`) : queue.key}</Anchor>}>
              <Figure
                label={t('home.waiting')}
                value={queue.more ? `${queue.waiting}+` : queue.waiting}
                note={
                  <>
                    {queue.oldest_waits_s ? (
                      <>
                        {t('home.oldest')} <Waited seconds={queue.oldest_waits_s} limit={queue.overdue > 0 ? 0 : null} />
                      </>
                    ) : (
                      t('home.nothing')
                    )}
                    {queue.overdue > 0 ? ` · ${t('home.overdue', { count: queue.overdue })}` : ''}
                  </>
                }
              />
            </Card>
          ))}
        </Cards>
      )}
    </Page>
  );
}
