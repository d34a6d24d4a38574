import { Skeleton } from '@mantine/core';
import type { components } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { StatusChip, statusText, Timeline } from '@qd/ui';
import { IconArrowsExchange, IconCheck, IconNote, IconPointFilled, IconUser } from '@tabler/icons-react';
import { actionText } from '../features/audit/words';
import { Named, useNames } from './names';

/** What was done with one payment, by whom and why, the newest first. */
export function PaymentHistory({ lines, kind }: { lines: readonly components['schemas']['PaymentLine'][] | undefined; kind: 'withdrawal' | 'deposit' }) {
  const { t } = useTranslation('office-money');
  const name = useNames((lines ?? []).map((l) => l.claimed_by));
  if (!lines) return <Skeleton height={120} />;
  if (lines.length === 0) return <p className="qd-muted">{t('noHistory')}</p>;
  return (
    <Timeline
      items={lines.map((l, at) => ({
        id: `${l.at_us}-${at}`,
        at_us: l.at_us,
        icon: iconOf(l.what),
        title: actionText(l.what),
        by: <bdi>{l.label.startsWith('rule:') || !l.who.startsWith('stf_') ? byMachine(l.who, t) : l.label}</bdi>,
        body: (
          <>
            {l.state && l.what.endsWith('state_changed') && <StatusChip kind={kind} value={l.state} size="sm" />}
            {l.what.endsWith('handed_over') && l.desk && <span>{t('toDesk', { desk: statusText('role', l.desk) })}</span>}
            {l.what.endsWith('claimed') && l.claimed_by && l.claimed_by !== l.who && <Named id={l.claimed_by} name={name(l.claimed_by)} />}
            {l.note && (
              <p dir="auto" style={{ margin: '0.15rem 0 0' }}>
                {l.note}
              </p>
            )}
          </>
        ),
      }))}
    />
  );
}

/** Rules, jobs and clients act, too; their internal names say nothing to anybody. */
function byMachine(who: string, t: ReturnType<typeof useTranslation<'office-money'>>['t']): string {
  if (/^(lgn|cli)_/.test(who)) return t('byClient');
  if (who.startsWith('system:rule')) return t('byRule');
  return t('bySystem');
}

function iconOf(what: string) {
  if (what.endsWith('claimed') || what.endsWith('released')) return <IconUser size={15} />;
  if (what.endsWith('handed_over')) return <IconArrowsExchange size={15} />;
  if (what.endsWith('noted')) return <IconNote size={15} />;
  if (what.endsWith('approval_given')) return <IconCheck size={15} />;
  return <IconPointFilled size={10} />;
}
