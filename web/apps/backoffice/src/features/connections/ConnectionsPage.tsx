import { Skeleton, Stack } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { duration, number, useTranslation } from '@qd/i18n';
import { Card, Cards, EmptyState, ErrorState, KeyValue, Page, StatusChip, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { DeadJobs } from './DeadJobs';
import { Figures } from './Figures';
import { healthOf } from './health';

/** What the server said of itself: its build, and how far its clock is from UTC. */
function info(text: string | null | undefined): { build?: string; zone?: string } {
  try {
    const said = JSON.parse(text ?? '{}') as { build?: unknown; utc_offset_min?: unknown };
    const min = typeof said.utc_offset_min === 'number' ? said.utc_offset_min : null;
    const zone = min === null ? undefined : `UTC${min < 0 ? '−' : '+'}${String(Math.floor(Math.abs(min) / 60)).padStart(2, '0')}:${String(Math.abs(min) % 60).padStart(2, '0')}`;
    return { build: said.build === undefined ? undefined : String(said.build), zone };
  } catch {
    return { build: text ?? undefined };
  }
}

/** Every trading server and payment provider: does it answer, how far behind is it, what went wrong last. */
export function ConnectionsPage() {
  const { t, i18n } = useTranslation('office-connections');
  const mayJobs = useCan('jobs.view');
  const all = useApiQuery('/api/v1/connections', {});
  const lang = i18n.language;
  const trouble = (c: { last_error?: string | null | undefined; last_error_at_us?: number | null | undefined }) =>
    c.last_error ? (
      <>
        <bdi dir="auto">{c.last_error}</bdi> · <When us={c.last_error_at_us} />
      </>
    ) : null;
  return (
    <Page title={t('title')} text={t('text')}>
      {all.error && !all.data ? (
        <ErrorState error={all.error} onRetry={() => void all.refetch()} />
      ) : !all.data ? (
        <Stack>
          <Skeleton height={120} />
          <Skeleton height={120} />
        </Stack>
      ) : all.data.servers.length + all.data.psps.length === 0 ? (
        <EmptyState title={t('empty.title')} text={t('empty.text')} />
      ) : (
        // The cards hold nothing to focus: without this, keys could not scroll a narrow page.
        <div role="region" aria-label={t('title')} tabIndex={0}>
          <Cards min="22rem">
            {all.data.servers.map(({ server, feed }) => (
              <Card key={server.id} title={<bdi>{server.id}</bdi>} actions={<StatusChip kind="connection" value={healthOf(server)} />}>
                <KeyValue
                  items={[
                    { label: t('what'), value: t(server.kind === 'demo' ? 'demoServer' : 'liveServer', { platform: server.platform.toUpperCase() }) },
                    { label: t('entity'), value: server.entity },
                    { label: t('build'), value: info(server.info).build ? <bdi>{t('buildOf', { build: info(server.info).build ?? '' })}</bdi> : null },
                    { label: t('zone'), value: info(server.info).zone, optional: true },
                    { label: t('groups'), value: <bdi dir="ltr" className="qd-mono">{server.group_mask}</bdi> },
                    { label: t('lastOk'), value: <When us={server.last_ok_at_us} /> },
                    { label: t('lastError'), value: trouble(server), optional: true },
                    { label: t('feedLag'), value: feed ? duration(lang, Math.max(0, Math.round(feed.lag_us / 1_000_000))) : null },
                    { label: t('feedRead'), value: feed ? <When us={feed.polled_at_us} /> : null },
                    { label: t('feedDeals'), value: feed ? number(lang, feed.deals_total) : null },
                  ]}
                />
              </Card>
            ))}
            {all.data.psps.map((psp) => (
              <Card key={psp.id} title={<bdi>{psp.id}</bdi>} actions={<StatusChip kind="connection" value={healthOf(psp)} />}>
                <KeyValue
                  items={[
                    { label: t('what'), value: t('provider', { provider: psp.provider }) },
                    { label: t('entity'), value: psp.entity },
                    { label: t('lastOk'), value: <When us={psp.last_ok_at_us} /> },
                    { label: t('lastError'), value: trouble(psp), optional: true },
                  ]}
                />
              </Card>
            ))}
          </Cards>
        </div>
      )}
      {mayJobs && <Figures />}
      {mayJobs && <DeadJobs />}
    </Page>
  );
}
