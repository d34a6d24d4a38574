import { Anchor, Button, Group, Select, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, Disabled, Drawer, EmptyState, ErrorState, FilterBar, KeyValue, Notice, ReasonDialog, say, StatusChip, statusText, useFilters, usePeek, When, type Column, type Filter } from '@qd/ui';
import { useCan, useSees } from '@qd/ui/app';
import { MonthsOf, ProgrammeCounts, StandingFacts, useStandingColumns } from '@qd/ui/partners/Programmes';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { ClientLink, Named, useNames } from '../../lib/names';
import { PlanName } from './Overview';

type Standing = Row<'/api/v1/partners/{id}/programmes/clients'>;
type Apart = Schema<'ProgrammeOverview'>['quarantines'][number];
const states = ['qualified', 'on_hold', 'registered', 'not_qualified', 'declined'] as const;
const idOf = (c: Standing) => c.client_id;

/** Where each client stands in payment per client, months of the revenue share, and who is set apart from them. */
export function Programmes({ id }: { id: string }) {
  const { t } = useTranslation(['office-programmes', 'partner-tools']);
  const overview = useApiQuery('/api/v1/partners/{id}/programmes', { path: { id } });
  const filters = useMemo<readonly Filter[]>(() => [{ kind: 'choice', name: 'state', label: t('partner-tools:prog.state'), pinned: true, options: states.map((value) => ({ value, label: statusText('programme', value) })) }], [t]);
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/partners/{id}/programmes/clients', { path: { id }, query: { limit: 50, state: states.find((s) => s === values.state) } });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const o = overview.data;
  const name = useNames(useMemo(() => [...ids, ...(o ? [...o.months, ...o.carry, ...o.quarantines].map((m) => m.client_id) : [])], [ids, o]));
  const who = useCallback((client: string) => <ClientLink id={client} name={name(client)} />, [name]);
  // A row opens by its first cell: no link inside of it.
  const named = useCallback((client: string) => <Named id={client} name={name(client)} />, [name]);
  const columns = useStandingColumns<Standing>(named);
  if (overview.error && !o) return <ErrorState error={overview.error} onRetry={() => void overview.refetch()} />;
  const client = list.rows.find((c) => c.client_id === peek.id);
  const again = () => {
    void overview.refetch();
    void list.refetch();
  };
  const nothing = o && o.counts.length === 0 && o.carry.length === 0 && o.months.length === 0 && o.quarantines.length === 0;
  if (nothing && !list.isPending && list.rows.length === 0 && !active) return <EmptyState kind="first" title={t('none')} text={t('noneText')} />;
  return (
    <Stack>
      {o && <ProgrammeCounts overview={o} />}
      <FilterBar filters={filters} />
      <Card title={t('clients')} flush>
        <DataTable id="partner-programmes" inline label={t('clients')} columns={columns} rows={list.rows} rowId={idOf} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(c) => peek.open(c.client_id)} opened={peek.id} empty={{ title: t('partner-tools:prog.noClients') }} filtered={active} onResetFilters={reset} />
      </Card>
      {o && <MonthsOf overview={o} who={who} />}
      {o && <SetApart partner={id} quarantines={o.quarantines} name={name} onDone={again} />}
      <Drawer opened={!!client} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} size="lg" title={client ? <Named id={client.client_id} name={name(client.client_id)} /> : ''} aside={client ? <StatusChip kind="programme" value={client.state} /> : undefined}>
        {client && <StandingFile key={client.client_id} partner={id} standing={client} name={name} onDone={again} />}
      </Drawer>
    </Stack>
  );
}

function StandingFile({ partner, standing: c, name, onDone }: { partner: string; standing: Standing; name: (id: string) => string | undefined; onDone: () => void }) {
  const { t } = useTranslation('office-programmes');
  const may = useCan('partners.manage');
  const decide = useWrite('post', '/api/v1/partners/{id}/programmes/decide');
  const [accept, setAccept] = useState<boolean | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const people = useNames([c.decided_by]);
  const why = may ? null : t('notYours');
  return (
    <Stack>
      {c.state === 'on_hold' && c.decided === null && (
        <Group>
          <Disabled why={why}><Button onClick={() => { setFailed(null); setAccept(true); }}>{t('accept')}</Button></Disabled>
          <Disabled why={why}><Button variant="default" onClick={() => { setFailed(null); setAccept(false); }}>{t('refuse')}</Button></Disabled>
        </Group>
      )}
      {c.approval_id && (
        <Notice tone="info">
          {t('waits')} <Anchor component={Link} to={'/approvals' as never} inherit>{t('toApprovals')}</Anchor>
        </Notice>
      )}
      <StandingFacts standing={c} />
      <KeyValue
        items={[
          { label: t('client'), value: <ClientLink id={c.client_id} name={name(c.client_id)} /> },
          { label: t('plan'), value: <><PlanName id={c.plan_id} /> · {t('version', { version: c.plan_version })}</> },
          { label: t('kycFirst'), value: c.kyc_before_payout ? t('yes') : null, optional: true },
          { label: t('due'), value: c.due_at_us ? <When us={c.due_at_us} as="full" /> : null, optional: true },
          { label: t('decided'), value: c.decided === null ? null : <>{c.decided ? t('accepted') : t('refused')} · <Named id={c.decided_by} name={people(c.decided_by)} /></>, optional: true },
        ]}
      />
      <ReasonDialog
        opened={accept !== null}
        onClose={() => setAccept(null)}
        title={accept ? t('accept') : t('refuse')}
        text={accept ? t('acceptText') : t('refuseText')}
        confirm={accept ? t('accept') : t('refuse')}
        busy={decide.busy}
        error={failed}
        onConfirm={({ note }) =>
          void decide.run({ path: { id: partner }, body: { client_id: c.client_id, accept: accept === true, reason: note } }).then(
            () => { setAccept(null); say(t('saved')); onDone(); },
            (e: unknown) => setFailed(e),
          )
        }
      />
    </Stack>
  );
}

/** Clients whose wins or losses do not touch what the others bring. */
function SetApart({ partner, quarantines, name, onDone }: { partner: string; quarantines: readonly Apart[]; name: (id: string) => string | undefined; onDone: () => void }) {
  const { t } = useTranslation('office-programmes');
  const may = useCan('partners.manage');
  const seesNames = useSees('partner_clients');
  const put = useWrite('post', '/api/v1/partners/{id}/programmes/quarantine');
  const [asked, setAsked] = useState<{ client: string; apart: boolean } | null>(null);
  const clients = useApiQuery('/api/v1/partners/{id}/clients', asked?.apart ? { path: { id: partner }, query: { limit: 200 } } : null);
  const [failed, setFailed] = useState<unknown>(null);
  const people = useNames(quarantines.map((q) => q.made_by));
  const columns = useMemo<readonly Column<Apart>[]>(
    () => [
      { id: 'client', header: t('client'), width: 190, fixed: true, cell: (q) => <ClientLink id={q.client_id} name={name(q.client_id)} /> },
      { id: 'months', header: t('apart.months'), width: 190, card: 'side', cell: (q) => <bdi dir="ltr">{q.from_month} – {q.to_month ?? '…'}</bdi> },
      { id: 'reason', header: t('apart.reason'), width: 260, cell: (q) => <span dir="auto">{q.reason}</span> },
      { id: 'by', header: t('apart.by'), width: 210, cell: (q) => <><Named id={q.made_by} name={people(q.made_by)} /> · <When us={q.made_at_us} /></> },
      {
        id: 'back', header: t('apart.change'), width: 150,
        cell: (q) => (may && q.to_month === null ? <Button size="compact-sm" variant="default" onClick={() => { setFailed(null); setAsked({ client: q.client_id, apart: false }); }}>{t('apart.back')}</Button> : null),
      },
    ],
    [t, name, people, may],
  );
  const choices = (clients.data?.items ?? []).map((c) => ({ value: c.client_id, label: (seesNames && c.name) || name(c.client_id) || c.client_id.slice(-8) }));
  return (
    <Card title={t('apart.title')} flush={quarantines.length > 0} actions={may ? <Button size="compact-sm" variant="default" onClick={() => { setFailed(null); setAsked({ client: '', apart: true }); }}>{t('apart.add')}</Button> : undefined}>
      {quarantines.length === 0 ? <p className="qd-muted">{t('apart.none')}</p> : <DataTable id="programme-apart" inline label={t('apart.title')} columns={columns} rows={quarantines} rowId={(q) => `${q.client_id}-${q.from_month}-${q.made_at_us}`} />}
      <ReasonDialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={asked?.apart === false ? t('apart.back') : t('apart.add')}
        text={asked?.apart === false ? t('apart.backText') : t('apart.text')}
        confirm={asked?.apart === false ? t('apart.back') : t('apart.add')}
        busy={put.busy}
        error={failed}
        onConfirm={({ note }) => {
          if (!asked?.client) return;
          void put.run({ path: { id: partner }, body: { client_id: asked.client, apart: asked.apart, reason: note } }).then(
            () => { setAsked(null); say(t('saved')); onDone(); },
            (e: unknown) => setFailed(e),
          );
        }}
      >
        {asked?.apart && <Select label={t('client')} required searchable data={choices} value={asked.client || null} onChange={(v) => setAsked({ client: v ?? '', apart: true })} allowDeselect={false} />}
      </ReasonDialog>
    </Card>
  );
}
