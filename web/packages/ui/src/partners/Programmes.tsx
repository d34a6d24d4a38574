// Payment per client and by the month, as partners and the house read it. Words: `partner-tools`, `partner-why`.
import type { Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { useMemo, type ReactNode } from 'react';
import { Card, Cards, Figure } from '../frame/Page';
import { KeyValue } from '../show/KeyValue';
import { Money } from '../show/Money';
import { StatusChip } from '../show/StatusChip';
import { When } from '../show/When';
import { Notice } from '../state/Notice';
import type { Column } from '../table/columns';
import { DataTable } from '../table/DataTable';
import { reasonText, testedText, wantedText } from './words';

type Overview = Schema<'ProgrammeOverview'>;
/** What both sides see of a client's standing. */
export type Standing = Schema<'MyProgrammes'>['clients']['items'][number];
type Who = (client: string) => ReactNode;

const order = ['qualified', 'on_hold', 'registered', 'not_qualified', 'declined'];

/** Decimal text with its currency: the amounts of programmes are not rounded to cents. */
export function Sum({ value, currency }: { value: string; currency: string }) {
  const { i18n } = useTranslation();
  const digits = Math.max(2, Math.min(4, value.split('.')[1]?.length ?? 0));
  return <bdi dir="ltr">{currency} {number(i18n.language, value, { minimumFractionDigits: 2, maximumFractionDigits: digits })}</bdi>;
}

/** How many clients stand where, and what is booked but not payable yet. */
export function ProgrammeCounts({ overview: o }: { overview: Overview }) {
  const { t, i18n } = useTranslation('partner-tools');
  const counts = [...o.counts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <Cards min="11rem">
      {counts.map((c) => (
        <Card key={c.state}><Figure label={<StatusChip kind="programme" value={c.state} />} value={number(i18n.language, c.clients)} /></Card>
      ))}
      <Card><Figure label={t('prog.held')} value={<Money value={{ minor: o.held_minor, currency: o.currency }} />} note={t('prog.heldNote')} /></Card>
    </Cards>
  );
}

export function useStandingColumns<S extends Standing>(who: Who): readonly Column<S>[] {
  const { t } = useTranslation('partner-tools');
  return useMemo(
    () => [
      { id: 'client', header: t('prog.client'), width: 150, fixed: true, cell: (c) => who(c.client_id) },
      { id: 'state', header: t('prog.state'), width: 170, card: 'side', cell: (c) => <StatusChip kind="programme" value={c.state} /> },
      { id: 'why', header: t('prog.why'), width: 260, cell: (c) => (c.reason ? reasonText(c.reason) : '–') },
      { id: 'amount', header: t('prog.booked'), width: 150, align: 'number', cell: (c) => <Money value={{ minor: c.booked_minor, currency: c.currency }} /> },
      { id: 'hold', header: t('prog.hold'), width: 150, cell: (c) => <When us={c.hold_until_us} as="date" /> },
      { id: 'changed', header: t('prog.changed'), width: 150, cell: (c) => <When us={c.changed_at_us} /> },
    ],
    [t, who],
  );
}

/** One client's standing with every figure that was looked at. */
export function StandingFacts({ standing: c }: { standing: Standing }) {
  const { t } = useTranslation('partner-tools');
  return (
    <>
      {c.reason && <Notice tone={c.state === 'registered' ? 'info' : 'warn'}>{reasonText(c.reason)}</Notice>}
      <Card title={t('prog.tested')}>
        {c.tested.length === 0 ? (
          <p className="qd-muted">{t('prog.notTested')}</p>
        ) : (
          <KeyValue items={c.tested.map((x) => ({ label: testedText(x.what), value: x.wanted ? <><bdi dir="ltr">{x.value}</bdi><br /><span className="qd-muted">{wantedText(x.wanted)}</span></> : <bdi dir="ltr">{x.value}</bdi> }))} />
        )}
      </Card>
      <Card title={t('prog.money')}>
        <KeyValue
          items={[
            { label: t('prog.due'), value: <Sum value={c.amount} currency={c.amount_currency} /> },
            { label: t('prog.booked'), value: <Money value={{ minor: c.booked_minor, currency: c.currency }} /> },
            { label: t('prog.qualified'), value: c.qualified_at_us ? <When us={c.qualified_at_us} as="full" /> : null, optional: true },
            { label: t('prog.hold'), value: c.hold_until_us ? <When us={c.hold_until_us} as="full" /> : null, optional: true },
            { label: t('prog.changed'), value: <When us={c.changed_at_us} as="full" /> },
          ]}
        />
      </Card>
    </>
  );
}

/** What months below zero left behind, and the closed months of the revenue share. */
export function MonthsOf({ overview: o, who }: { overview: Overview; who: Who }) {
  return (
    <>
      {o.carry.length > 0 && <CarryCard carry={o.carry} who={who} />}
      {o.months.length > 0 && <MonthsCard months={o.months} who={who} />}
    </>
  );
}

function CarryCard({ carry, who }: { carry: Overview['carry']; who: Who }) {
  const { t } = useTranslation('partner-tools');
  const columns = useMemo<readonly Column<Overview['carry'][number]>[]>(
    () => [
      { id: 'month', header: t('carry.asOf'), width: 120, fixed: true, cell: (c) => <bdi dir="ltr">{c.month}</bdi> },
      { id: 'who', header: t('carry.of'), width: 200, cell: (c) => (c.client_id ? who(c.client_id) : t('carry.all')) },
      { id: 'carry', header: t('carry.carried'), width: 180, align: 'number', card: 'side', cell: (c) => <Sum value={c.carry} currency={c.currency} /> },
      { id: 'recoup', header: t('carry.recoup'), width: 180, align: 'number', cell: (c) => <Sum value={c.recoup} currency={c.currency} /> },
    ],
    [t, who],
  );
  return (
    <Card title={t('carry.title')} flush>
      <DataTable id="programme-carry" inline label={t('carry.title')} columns={columns} rows={carry} rowId={(c) => `${c.plan_id}-${c.client_id}`} />
    </Card>
  );
}

function MonthsCard({ months, who }: { months: Overview['months']; who: Who }) {
  const { t } = useTranslation('partner-tools');
  const columns = useMemo<readonly Column<Overview['months'][number]>[]>(
    () => [
      { id: 'month', header: t('carry.month'), width: 110, fixed: true, cell: (m) => <bdi dir="ltr">{m.month}</bdi> },
      { id: 'who', header: t('carry.of'), width: 160, cell: (m) => (m.client_id ? who(m.client_id) : t('carry.all')) },
      { id: 'net', header: t('carry.net'), width: 160, align: 'number', cell: (m) => <Sum value={m.net} currency={m.currency} /> },
      { id: 'base', header: t('carry.base'), width: 160, align: 'number', cell: (m) => <Sum value={m.base} currency={m.currency} /> },
      { id: 'pay', header: t('carry.pay'), width: 150, align: 'number', card: 'side', cell: (m) => <Sum value={m.pay} currency={m.currency} /> },
      { id: 'out', header: t('carry.carried'), width: 160, align: 'number', cell: (m) => <Sum value={m.carry_out} currency={m.currency} /> },
      { id: 'closed', header: t('carry.closed'), width: 140, cell: (m) => <When us={m.closed_at_us} /> },
    ],
    [t, who],
  );
  return (
    <Card title={t('carry.months')} flush>
      <DataTable id="programme-months" inline label={t('carry.months')} columns={columns} rows={months} rowId={(m) => `${m.plan_id}-${m.month}-${m.client_id}`} />
    </Card>
  );
}
