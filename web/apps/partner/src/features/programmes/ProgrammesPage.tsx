import { Stack } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Cards, DataTable, Drawer, EmptyState, ErrorState, Figure, KeyValue, Money, Notice, Page, StatusChip, usePeek, When, type Column } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { reasonText, testedText, wantedText } from '../lines/words';

type Answer = Schema<'MyProgrammes'>;
type Client = Answer['clients']['items'][number];
type Carry = Answer['overview']['carry'][number];
type Month = Answer['overview']['months'][number];
const idOf = (c: Client): string => c.client_id;
const order = ['qualified', 'on_hold', 'registered', 'not_qualified', 'declined'];

/** Decimal text with its currency: the amounts of programmes are not rounded to cents. */
function Sum({ value, currency }: { value: string; currency: string }) {
  const { i18n } = useTranslation();
  const digits = Math.max(2, Math.min(4, value.split('.')[1]?.length ?? 0));
  return <bdi dir="ltr">{currency} {number(i18n.language, value, { minimumFractionDigits: 2, maximumFractionDigits: digits })}</bdi>;
}

/** What is paid by client and by month: who qualified and why not yet, what a month below zero carries. */
export function ProgrammesPage() {
  const { t, i18n } = useTranslation(['partner-tools', 'partner']);
  const first = useApiQuery('/api/v1/me/partner/programmes', { query: { limit: 100 } });
  const rows = useMemo(() => first.data?.clients.items ?? [], [first.data]);
  const ids = useMemo(() => rows.map(idOf), [rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Client>[]>(
    () => [
      { id: 'client', header: t('partner-tools:prog.client'), width: 150, fixed: true, cell: (c) => <bdi className="qd-mono">{c.client_id.slice(-8)}</bdi> },
      { id: 'state', header: t('partner-tools:prog.state'), width: 170, card: 'side', cell: (c) => <StatusChip kind="programme" value={c.state} /> },
      { id: 'why', header: t('partner-tools:prog.why'), width: 260, cell: (c) => (c.reason ? reasonText(c.reason) : '–') },
      { id: 'amount', header: t('partner-tools:prog.booked'), width: 150, align: 'number', cell: (c) => <Money value={{ minor: c.booked_minor, currency: c.currency }} /> },
      { id: 'hold', header: t('partner-tools:prog.hold'), width: 150, cell: (c) => <When us={c.hold_until_us} as="date" /> },
      { id: 'changed', header: t('partner-tools:prog.changed'), width: 150, cell: (c) => <When us={c.changed_at_us} /> },
    ],
    [t],
  );
  if (first.error && !first.data) return <ErrorState error={first.error} onRetry={() => void first.refetch()} page />;
  if (!first.data) return <PageSkeleton />;
  const o = first.data.overview;
  const counts = [...o.counts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const nothing = counts.length === 0 && o.carry.length === 0 && o.months.length === 0;
  const client = rows.find((c) => c.client_id === peek.id);
  return (
    <Page title={t('partner:nav.programmes')} text={t('partner-tools:prog.text')}>
      {nothing ? (
        <EmptyState kind="first" title={t('partner-tools:prog.none')} text={t('partner-tools:prog.noneText')} />
      ) : (
        <Stack>
          <Cards min="11rem">
            {counts.map((c) => (
              <Card key={c.state}><Figure label={<StatusChip kind="programme" value={c.state} />} value={number(i18n.language, c.clients)} /></Card>
            ))}
            <Card><Figure label={t('partner-tools:prog.held')} value={<Money value={{ minor: o.held_minor, currency: o.currency }} />} note={t('partner-tools:prog.heldNote')} /></Card>
          </Cards>
          <Card title={t('partner-tools:prog.clients')} flush>
            <DataTable id="programme-clients" inline label={t('partner-tools:prog.clients')} columns={columns} rows={rows} rowId={idOf} onOpen={(c) => peek.open(c.client_id)} opened={peek.id} empty={{ title: t('partner-tools:prog.noClients') }} />
          </Card>
          {first.data.clients.next_cursor && <More after={first.data.clients.next_cursor} columns={columns} />}
          {o.carry.length > 0 && <CarryCard carry={o.carry} />}
          {o.months.length > 0 && <MonthsCard months={o.months} />}
        </Stack>
      )}
      <Drawer opened={!!client} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} size="lg" title={client ? <bdi className="qd-mono">{client.client_id.slice(-8)}</bdi> : ''} aside={client ? <StatusChip kind="programme" value={client.state} /> : undefined}>
        {client && (
          <Stack>
            {client.reason && <Notice tone={client.state === 'registered' ? 'info' : 'warn'}>{reasonText(client.reason)}</Notice>}
            <Card title={t('partner-tools:prog.tested')}>
              {client.tested.length === 0 ? (
                <p className="qd-muted">{t('partner-tools:prog.notTested')}</p>
              ) : (
                <KeyValue items={client.tested.map((x) => ({ label: testedText(x.what), value: x.wanted ? <><bdi dir="ltr">{x.value}</bdi><br /><span className="qd-muted">{wantedText(x.wanted)}</span></> : <bdi dir="ltr">{x.value}</bdi> }))} />
              )}
            </Card>
            <Card title={t('partner-tools:prog.money')}>
              <KeyValue
                items={[
                  { label: t('partner-tools:prog.due'), value: <Sum value={client.amount} currency={client.amount_currency} /> },
                  { label: t('partner-tools:prog.booked'), value: <Money value={{ minor: client.booked_minor, currency: client.currency }} /> },
                  { label: t('partner-tools:prog.qualified'), value: client.qualified_at_us ? <When us={client.qualified_at_us} as="full" /> : null, optional: true },
                  { label: t('partner-tools:prog.hold'), value: client.hold_until_us ? <When us={client.hold_until_us} as="full" /> : null, optional: true },
                  { label: t('partner-tools:prog.changed'), value: <When us={client.changed_at_us} as="full" /> },
                ]}
              />
            </Card>
            <Link to="/lines" search={{ client_id: client.client_id } as never}>{t('partner-tools:prog.toLines')}</Link>
          </Stack>
        )}
      </Drawer>
    </Page>
  );
}

/** The pages after the first, one list below the other. */
function More({ after, columns }: { after: string; columns: readonly Column<Client>[] }) {
  const { t } = useTranslation('partner-tools');
  const next = useApiQuery('/api/v1/me/partner/programmes', { query: { limit: 100, cursor: after } });
  if (!next.data) return null;
  return (
    <>
      <DataTable id="programme-clients" inline label={t('prog.clients')} columns={columns} rows={next.data.clients.items} rowId={idOf} />
      {next.data.clients.next_cursor && <More after={next.data.clients.next_cursor} columns={columns} />}
    </>
  );
}

function CarryCard({ carry }: { carry: readonly Carry[] }) {
  const { t } = useTranslation('partner-tools');
  const columns = useMemo<readonly Column<Carry>[]>(
    () => [
      { id: 'month', header: t('carry.asOf'), width: 120, fixed: true, cell: (c) => <bdi dir="ltr">{c.month}</bdi> },
      { id: 'who', header: t('carry.of'), width: 200, cell: (c) => (c.client_id ? <bdi className="qd-mono">{c.client_id.slice(-8)}</bdi> : t('carry.all')) },
      { id: 'carry', header: t('carry.carried'), width: 180, align: 'number', card: 'side', cell: (c) => <Sum value={c.carry} currency={c.currency} /> },
      { id: 'recoup', header: t('carry.recoup'), width: 180, align: 'number', cell: (c) => <Sum value={c.recoup} currency={c.currency} /> },
    ],
    [t],
  );
  return (
    <Card title={t('carry.title')} flush>
      <DataTable id="programme-carry" inline label={t('carry.title')} columns={columns} rows={carry} rowId={(c) => `${c.plan_id}-${c.client_id}`} />
    </Card>
  );
}

function MonthsCard({ months }: { months: readonly Month[] }) {
  const { t } = useTranslation('partner-tools');
  const columns = useMemo<readonly Column<Month>[]>(
    () => [
      { id: 'month', header: t('carry.month'), width: 110, fixed: true, cell: (m) => <bdi dir="ltr">{m.month}</bdi> },
      { id: 'who', header: t('carry.of'), width: 160, cell: (m) => (m.client_id ? <bdi className="qd-mono">{m.client_id.slice(-8)}</bdi> : t('carry.all')) },
      { id: 'net', header: t('carry.net'), width: 160, align: 'number', cell: (m) => <Sum value={m.net} currency={m.currency} /> },
      { id: 'base', header: t('carry.base'), width: 160, align: 'number', cell: (m) => <Sum value={m.base} currency={m.currency} /> },
      { id: 'pay', header: t('carry.pay'), width: 150, align: 'number', card: 'side', cell: (m) => <Sum value={m.pay} currency={m.currency} /> },
      { id: 'out', header: t('carry.carried'), width: 160, align: 'number', cell: (m) => <Sum value={m.carry_out} currency={m.currency} /> },
      { id: 'closed', header: t('carry.closed'), width: 140, cell: (m) => <When us={m.closed_at_us} /> },
    ],
    [t],
  );
  return (
    <Card title={t('carry.months')} flush>
      <DataTable id="programme-months" inline label={t('carry.months')} columns={columns} rows={months} rowId={(m) => `${m.plan_id}-${m.month}-${m.client_id}`} />
    </Card>
  );
}
