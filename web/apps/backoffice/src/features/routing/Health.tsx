import { Button } from '@mantine/core';
import { useApiQuery, useWrite, type Row } from '@qd/api';
import { duration, number, plain, useTranslation } from '@qd/i18n';
import { Card, DataTable, ReasonDialog, say, StatusChip, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';
import { percentText } from '../../lib/RouteWhy';

type Connection = Row<'/api/v1/payments/connections'>;

/** The share of calls that were answered; a decline is an answer. */
function answered(lang: string, c: Connection, minutes: number): string {
  const w = c.windows.find((x) => x.minutes === minutes);
  return w?.fault_rate_ppm === null || w?.fault_rate_ppm === undefined ? '–' : percentText(lang, 1_000_000 - w.fault_rate_ppm);
}

const rank = (c: Connection) => (c.state === 'down' ? 0 : c.state === 'disabled' ? 1 : 2);

/** Payment connections: do they answer, how fast, since when not; and taking one out of the routes. */
export function Health() {
  const { t, i18n } = useTranslation('office-routing');
  const lang = i18n.language;
  const may = useCan('connections.manage');
  const list = useApiQuery('/api/v1/payments/connections', {}, { refetchInterval: 15_000 });
  const put = useWrite('put', '/api/v1/payments/connections/{id}');
  const [asked, setAsked] = useState<Connection | null>(null);
  // What is down or taken out stands on top; the rest as the server has it.
  const rows = useMemo(() => list.data && [...list.data.items].sort((a, b) => rank(a) - rank(b)), [list.data]);
  const columns = useMemo<readonly Column<Connection>[]>(() => {
    const hour = (c: Connection) => c.windows.find((w) => w.minutes === 60);
    const speed = (ms: number | null | undefined) => (ms === null || ms === undefined ? '–' : number(lang, ms, { style: 'unit', unit: 'millisecond', unitDisplay: 'short' }));
    const since = (c: Connection) =>
      c.down_since_us ? <When us={c.down_since_us} /> : c.last_ok_at_us ? <span className="qd-muted">{t('health.lastOk')} <When us={c.last_ok_at_us} /></span> : <span className="qd-muted">{t('health.never')}</span>;
    const all: Column<Connection>[] = [
      { id: 'id', header: t('connection'), width: 150, fixed: true, cell: (c) => <bdi>{c.id}</bdi> },
      { id: 'state', header: t('state'), width: 150, card: 'side', cell: (c) => <StatusChip kind="connection" value={c.state} /> },
      { id: 'since', header: t('health.since'), width: 170, cell: since },
      { id: 'hour', header: t('health.answeredIn', { time: duration(lang, 3_600) }), width: 130, align: 'number', cell: (c) => answered(lang, c, 60) },
      { id: 'day', header: t('health.answeredIn', { time: duration(lang, 86_400) }), width: 130, align: 'number', cell: (c) => answered(lang, c, 1_440) },
      { id: 'calls', header: t('health.calls', { time: duration(lang, 86_400) }), width: 110, align: 'number', hidden: true, cell: (c) => number(lang, c.windows.find((w) => w.minutes === 1_440)?.calls ?? 0) },
      { id: 'speed', header: t('health.average'), width: 120, align: 'number', cell: (c) => speed(hour(c)?.average_ms) },
      { id: 'slowest', header: t('health.slowest'), width: 110, align: 'number', hidden: true, cell: (c) => speed(hour(c)?.calls ? hour(c)?.slowest_ms : null) },
      { id: 'error', header: t('health.error'), width: 210, cell: (c) => (c.last_error ? <span><bdi dir="auto">{plain(c.last_error)}</bdi> · <When us={c.last_error_at_us} /></span> : '–') },
      { id: 'provider', header: t('health.provider'), width: 120, hidden: true, cell: (c) => plain(c.provider) },
      { id: 'entity', header: t('entity'), width: 100, hidden: true, cell: (c) => <bdi>{c.entity}</bdi> },
    ];
    if (may) all.push({ id: 'do', header: t('health.action'), width: 130, cell: (c) => <Button size="compact-sm" variant="default" onClick={() => setAsked(c)}>{t(c.state === 'disabled' ? 'health.enable' : 'health.disable')}</Button> });
    return all;
  }, [t, lang, may]);
  const enable = asked?.state === 'disabled';
  return (
    <Card title={t('health.title')} flush>
      <DataTable
        id="payment-connections"
        inline
        label={t('health.title')}
        columns={columns}
        rows={rows}
        rowId={(c) => c.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        rowTone={(c) => (c.state === 'down' ? 'bad' : c.state === 'disabled' ? 'muted' : undefined)}
        empty={{ title: t('health.empty'), text: t('health.emptyText') }}
      />
      <ReasonDialog
        opened={!!asked}
        onClose={() => setAsked(null)}
        title={t(enable ? 'health.enableTitle' : 'health.disableTitle', { name: asked?.id ?? '' })}
        text={t(enable ? 'health.enableText' : 'health.disableText')}
        confirm={t(enable ? 'health.enable' : 'health.disable')}
        danger={!enable}
        busy={put.busy}
        error={put.error}
        onConfirm={async ({ note: reason }) => {
          if (!asked) return;
          try {
            await put.run({ path: { id: asked.id }, body: { enabled: enable, reason } });
            setAsked(null);
            say(t('health.done'));
            void list.refetch();
          } catch {
            // The write's own `error` is shown in the dialog.
          }
        }}
      />
    </Card>
  );
}
