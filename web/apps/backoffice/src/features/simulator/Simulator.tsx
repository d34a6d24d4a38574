import { Button, MultiSelect, Progress, SegmentedControl, Select, Stack } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { number, plain, useTranslation } from '@qd/i18n';
import { Card, Cards, Chart, DataTable, errorText, exponentOf, KeyValue, Lots, Money, Notice, Price, type Column } from '@qd/ui';
import { useMemo, useState } from 'react';
import { PartnerName } from '../partners/Chain';
import { wordText } from '../plans/editor/editing';
import { lastMonths } from '../closing/months';
import { monthText } from '../closing/words';
import classes from '../settings/settings.module.css';
import { monthSpan } from './span';

type Result = Schema<'PlanSimulationResult'>;
type Slice = Schema<'SimulationSlice'>;
type View = Schema<'PlanSimulation'>;

interface Props {
  /** A draft as it stands on the screen, or a saved plan. */
  plan: { document: unknown } | { plan_id: string };
}

/** What a plan would have cost on the trades of past months, beside the plans of the time. Books nothing. */
export function Simulator({ plan }: Props) {
  const { t, i18n } = useTranslation(['office-engine', 'office-plans']);
  const months = lastMonths(Date.now());
  const [whom, setWhom] = useState<'partners' | 'on_plan'>('partners');
  const [partners, setPartners] = useState<string[]>([]);
  const [onPlan, setOnPlan] = useState<string | null>('plan_id' in plan ? plan.plan_id : null);
  const [from, setFrom] = useState(months[2] ?? '');
  const [to, setTo] = useState(months[0] ?? '');
  const people = useApiQuery('/api/v1/partners', { query: { limit: 200 } });
  const plans = useApiQuery('/api/v1/plans', { query: { limit: 200 } });
  const run = useWrite('post', '/api/v1/plans/simulate', { touches: [] });
  const [first, setFirst] = useState<View | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const job = useApiQuery('/api/v1/plans/simulations/{id}', first?.id && !first.result ? { path: { id: first.id } } : null, { refetchInterval: (q) => (q.state.data && !['queued', 'running'].includes(q.state.data.state) ? false : 1500) });
  const view = first?.result ? first : (job.data ?? first);
  const result = (view?.result ?? null) as Result | null;
  const ready = from !== '' && to !== '' && from <= to && (whom === 'partners' ? partners.length > 0 : !!onPlan);
  const ask = () => {
    setFailed(null);
    setFirst(null);
    void run.run({ body: { ...plan, ...(whom === 'partners' ? { partners } : { on_plan: onPlan }), from_us: monthSpan(from).from, to_us: monthSpan(to).to } as never }).then((v) => setFirst(v as View), (e: unknown) => setFailed(e));
  };
  const monthData = months.map((m) => ({ value: m, label: monthText(i18n.language, m) }));
  return (
    <Stack>
      <Card title={t('sim.ask')}>
        <Stack>
          <SegmentedControl aria-label={t('sim.whom')} value={whom} onChange={(v) => setWhom(v as typeof whom)} data={[{ value: 'partners', label: t('sim.partners') }, { value: 'on_plan', label: t('sim.onPlan') }]} />
          {whom === 'partners' ? (
            <MultiSelect label={t('sim.partners')} description={t('sim.partnersNote')} searchable data={(people.data?.items ?? []).map((p) => ({ value: p.id, label: p.name }))} value={partners} onChange={setPartners} />
          ) : (
            <Select label={t('sim.onPlan')} searchable data={(plans.data?.items ?? []).map((p) => ({ value: p.id, label: p.name }))} value={onPlan} onChange={setOnPlan} />
          )}
          <div className={classes.grid}>
            <Select label={t('sim.from')} allowDeselect={false} data={monthData} value={from} onChange={(v) => v && setFrom(v)} />
            <Select label={t('sim.to')} allowDeselect={false} data={monthData} value={to} onChange={(v) => v && setTo(v)} error={from > to ? t('sim.order') : undefined} />
          </div>
          <div><Button loading={run.busy} disabled={!ready} onClick={ask}>{t('sim.run')}</Button></div>
          {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
          {view && !result && !view.cause && (
            <div role="status">
              <Progress value={view.deals > 0 ? Math.round((view.seen / view.deals) * 100) : 0} aria-label={t('sim.progress')} animated />
              {t('sim.seen', { seen: number(i18n.language, view.seen), deals: number(i18n.language, view.deals) })}
            </div>
          )}
          {view?.cause && <Notice tone="bad"><bdi dir="ltr">{view.cause}</bdi></Notice>}
        </Stack>
      </Card>
      {result && <Outcome result={result} />}
    </Stack>
  );
}

function Outcome({ result: r }: { result: Result }) {
  const { t, i18n } = useTranslation(['office-engine', 'office-plans', 'office-partners']);
  const money = (minor: number) => <Money value={{ minor, currency: r.currency }} />;
  const scale = 10 ** exponentOf(r.currency);
  const stopped = Object.entries(r.stopped);
  return (
    <>
      <Cards min="18rem">
        <Card title={t('sim.cost')}>
          <KeyValue
            items={[
              { label: t('sim.today'), value: money(r.total.today_minor) },
              { label: t('sim.proposed'), value: money(r.total.proposed_minor) },
              { label: t('sim.difference'), value: <Money strong signed value={{ minor: r.total.difference_minor, currency: r.currency }} /> },
              { label: t('sim.deals'), value: number(i18n.language, r.total.deals) },
              { label: t('sim.lots'), value: <Lots value={r.total.lots} /> },
            ]}
          />
        </Card>
        <Card title={t('sim.margin')}>
          <KeyValue
            items={[
              { label: t('sim.revenue'), value: money(r.total.revenue_minor) },
              { label: t('sim.today'), value: <Money tone value={{ minor: r.total.margin_today_minor, currency: r.currency }} /> },
              { label: t('sim.proposed'), value: <Money tone strong value={{ minor: r.total.margin_proposed_minor, currency: r.currency }} /> },
              { label: t('sim.breakEven'), value: r.total.break_even_per_lot ? <>{/^-?\d+(\.\d+)?$/.test(r.total.break_even_per_lot) ? <Price value={r.total.break_even_per_lot} /> : <bdi dir="ltr">{r.total.break_even_per_lot}</bdi>} {t('office-plans:rateOf.per_lot', { currency: r.currency })}</> : null, optional: true },
            ]}
          />
        </Card>
      </Cards>
      {r.months.length > 1 && (
        <Card title={t('sim.byMonth')}>
          {/* Drawn from rounded figures; the table below has the exact ones. */}
          <Chart label={t('sim.byMonth')} x={r.months.map((m) => Date.parse(`${m.key}-01T00:00:00Z`) * 1000)} series={[{ label: t('sim.today'), values: r.months.map((m) => m.today_minor / scale), kind: 'bars', tone: 'idle' }, { label: t('sim.proposed'), values: r.months.map((m) => m.proposed_minor / scale), kind: 'bars' }, { label: t('sim.revenue'), values: r.months.map((m) => m.revenue_minor / scale), kind: 'line', tone: 'good' }]} />
        </Card>
      )}
      {(r.revenue_unknown > 0 || stopped.length > 0 || r.unconverted.length > 0) && (
        <Notice tone="warn">
          {r.revenue_unknown > 0 && <div>{t('sim.revenueUnknown', { count: r.revenue_unknown })}</div>}
          {r.unconverted.length > 0 && <div>{t('sim.unconverted', { currencies: r.unconverted.join(', ') })}</div>}
          {stopped.map(([code, count]) => <div key={code}>{plain(code)}: {number(i18n.language, count)}</div>)}
        </Notice>
      )}
      <Slices id="sim-months" title={t('sim.byMonth')} rows={r.months} currency={r.currency} name={(k) => monthText(i18n.language, k)} />
      <Slices id="sim-products" title={t('sim.byProduct')} rows={r.products} currency={r.currency} name={(k) => (k ? <bdi dir="ltr">{k}</bdi> : t('sim.noGroup'))} />
      <ByPartner result={r} />
      {r.cliffs.length > 0 && <Cliffs result={r} />}
    </>
  );
}

function Slices({ id, title, rows, currency, name }: { id: string; title: string; rows: readonly Slice[]; currency: string; name: (key: string) => React.ReactNode }) {
  const { t } = useTranslation('office-engine');
  const columns = useMemo<readonly Column<Slice>[]>(
    () => [
      { id: 'key', header: title, width: 190, fixed: true, cell: (s) => name(s.key) },
      { id: 'lots', header: t('sim.lots'), width: 110, align: 'number', cell: (s) => <Lots value={s.lots} /> },
      { id: 'revenue', header: t('sim.revenue'), width: 140, align: 'number', cell: (s) => <Money value={{ minor: s.revenue_minor, currency }} /> },
      { id: 'today', header: t('sim.today'), width: 140, align: 'number', cell: (s) => <Money value={{ minor: s.today_minor, currency }} /> },
      { id: 'proposed', header: t('sim.proposed'), width: 140, align: 'number', cell: (s) => <Money value={{ minor: s.proposed_minor, currency }} /> },
      { id: 'difference', header: t('sim.difference'), width: 140, align: 'number', card: 'side', cell: (s) => <Money signed strong value={{ minor: s.difference_minor, currency }} /> },
      { id: 'margin', header: t('sim.margin'), width: 150, align: 'number', cell: (s) => <Money tone value={{ minor: s.margin_proposed_minor, currency }} /> },
    ],
    // The name of a key only changes with the language, and then everything is drawn anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [t, title, currency],
  );
  return <Card title={title} flush><DataTable id={id} inline label={title} columns={columns} rows={rows} rowId={(s) => s.key || '-'} empty={{ title: t('sim.nothing') }} /></Card>;
}

function ByPartner({ result: r }: { result: Result }) {
  const { t } = useTranslation('office-engine');
  const columns = useMemo<readonly Column<Result['partners'][number]>[]>(
    () => [
      { id: 'partner', header: t('sim.partner'), width: 230, fixed: true, cell: (p) => <PartnerName id={p.partner_id} /> },
      { id: 'on', header: t('sim.onIt'), width: 130, cell: (p) => (p.on_plan ? t('sim.yes') : t('sim.above')) },
      { id: 'today', header: t('sim.today'), width: 140, align: 'number', cell: (p) => <Money value={{ minor: p.today_minor, currency: r.currency }} /> },
      { id: 'proposed', header: t('sim.proposed'), width: 140, align: 'number', cell: (p) => <Money value={{ minor: p.proposed_minor, currency: r.currency }} /> },
      { id: 'difference', header: t('sim.difference'), width: 150, align: 'number', card: 'side', cell: (p) => <Money signed strong value={{ minor: p.difference_minor, currency: r.currency }} /> },
    ],
    [t, r.currency],
  );
  return <Card title={t('sim.byPartner')} flush><DataTable id="sim-partners" inline label={t('sim.byPartner')} columns={columns} rows={r.partners} rowId={(p) => p.partner_id} empty={{ title: t('sim.nothing') }} /></Card>;
}

function Cliffs({ result: r }: { result: Result }) {
  const { t } = useTranslation(['office-engine', 'office-plans']);
  const columns = useMemo<readonly Column<Result['cliffs'][number]>[]>(
    () => [
      { id: 'partner', header: t('sim.partner'), width: 220, fixed: true, cell: (c) => <PartnerName id={c.partner_id} /> },
      { id: 'period', header: t('sim.period'), width: 120, cell: (c) => <bdi dir="ltr">{c.period}</bdi> },
      { id: 'count', header: t('sim.reached'), width: 170, align: 'number', cell: (c) => <><Price value={c.count} /> {wordText('measureUnit', c.measure)}</> },
      { id: 'go', header: t('sim.toGo'), width: 150, align: 'number', card: 'side', cell: (c) => (c.to_go ? <Price value={c.to_go} /> : t('sim.top')) },
      { id: 'now', header: t('sim.rateNow'), width: 110, align: 'number', cell: (c) => (c.rate_now ? <Price value={c.rate_now} /> : '–') },
      { id: 'next', header: t('sim.rateNext'), width: 110, align: 'number', cell: (c) => (c.rate_next ? <Price value={c.rate_next} /> : '–') },
      { id: 'jump', header: t('sim.jump'), width: 150, align: 'number', cell: (c) => (c.jump ? <Price value={c.jump} /> : '–') },
    ],
    [t],
  );
  return <Card title={t('sim.cliffs')} flush><DataTable id="sim-cliffs" inline label={t('sim.cliffs')} columns={columns} rows={r.cliffs} rowId={(c) => `${c.partner_id}${c.tier}${c.period}`} empty={{ title: t('sim.nothing') }} /></Card>;
}
