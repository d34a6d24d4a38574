import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { EmptyState, ErrorState, errorText, Notice, Page, ReasonDialog, say, StatusChip, useSearchState, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { ListTabs } from '../../lib/ListTabs';
import { Named, useNames } from '../../lib/names';
import { stateOf } from './Build';
import { Connector } from './Connector';
import { Drift } from './Drift';
import { Logins } from './Logins';
import { Mapping } from './Mapping';

/** One trading server: its connector, where it differs, whose its logins are; compare, pause, resume. */
export function ServerPage() {
  const { t } = useTranslation('office-servers');
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const [search] = useSearchState();
  const may = useCan('connections.manage');
  const all = useApiQuery('/api/v1/connections', {});
  const one = all.data?.servers.find((s) => s.server.id === id);
  const s = one?.server;
  const who = s?.paused_by ?? null;
  const name = useNames([who]);
  const pause = useWrite('post', '/api/v1/trading/servers/{id}/pause');
  const resume = useWrite('post', '/api/v1/trading/servers/{id}/resume');
  const compare = useWrite('post', '/api/v1/trading/servers/{id}/drift');
  const [asking, setAsking] = useState(false);
  const paused = !!s?.paused_at_us;
  const write = paused ? resume : pause;
  const crumbs = [{ label: t('title'), to: '/trading-servers' }];
  if (!one || !s) {
    return (
      <Page title={id} crumbs={crumbs}>
        {all.error ? <ErrorState error={all.error} onRetry={() => void all.refetch()} /> : all.data ? <EmptyState title={t('gone')} text={t('goneText')} /> : <Skeleton height={240} />}
      </Page>
    );
  }
  return (
    <Page
      title={s.id}
      crumbs={crumbs}
      fill={search.tab === 'mapping' || search.tab === 'logins'}
      aside={<StatusChip kind="connection" value={stateOf(s)} />}
      actions={
        may && (
          <>
            {!paused && (
              <Button
                loading={compare.busy}
                onClick={async () => {
                  try {
                    await compare.run({ path: { id } });
                    say(t('comparing'));
                  } catch {
                    // Shown below.
                  }
                }}
              >
                {t('compare')}
              </Button>
            )}
            <Button variant={paused ? 'filled' : 'default'} onClick={() => setAsking(true)}>
              {paused ? t('resume') : t('pause')}
            </Button>
          </>
        )
      }
      tabs={
        <ListTabs
          label={s.id}
          tabs={[
            { value: null, label: t('tab.drift') },
            { value: 'mapping', label: t('tab.mapping') },
            { value: 'logins', label: t('tab.logins') },
            { value: 'connector', label: t('tab.connector') },
          ]}
          clears={['kind', 'open', 'state']}
        />
      }
    >
      {compare.error ? <Notice tone="bad">{errorText(compare.error)}</Notice> : null}
      {paused && (
        <Notice tone="warn" title={t('pausedTitle')}>
          <bdi dir="auto">{s.paused_reason}</bdi> · {who && (who.startsWith('stf_') ? <Named id={who} name={name(who)} /> : <bdi>{who}</bdi>)} · <When us={s.paused_at_us} as="full" />
        </Notice>
      )}
      {s.build_tested === false && (
        <Notice tone="warn" title={t('untested')}>
          {t('untestedText', { build: s.build ?? '' })}
        </Notice>
      )}
      {search.tab === 'mapping' ? <Mapping server={id} paused={paused} /> : search.tab === 'logins' ? <Logins server={id} /> : search.tab === 'connector' ? <Connector of={one} /> : <Drift server={id} />}
      <ReasonDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={paused ? t('resume') : t('pause')}
        text={paused ? t('resumeText') : t('pauseText')}
        confirm={paused ? t('resume') : t('pause')}
        busy={write.busy}
        error={write.error}
        onConfirm={async ({ note }) => {
          try {
            await write.run({ path: { id }, body: { reason: note } });
            setAsking(false);
            say(paused ? t('resumed') : t('paused'));
            void all.refetch();
          } catch {
            // Shown in the dialog.
          }
        }}
      />
    </Page>
  );
}
