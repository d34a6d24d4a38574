import { hasText, number, plain, serverText, useTranslation } from '@qd/i18n';
import { Chip, DataTable, KeyValue, type Column } from '@qd/ui';
import { useMemo } from 'react';

type By = 'only' | 'configured' | 'rule' | 'measured' | 'experiment' | 'all_down';

export interface RouteCandidate {
  connection: string;
  left_out?: 'down' | 'disabled' | 'rule' | 'tried' | null;
  ended: number;
  paid: number;
  rate_ppm?: number | null;
  cost_ppm?: number | null;
  score_ppm?: number | null;
}

export interface RouteView {
  connection: string;
  by: By;
  then: readonly string[];
  candidates: readonly RouteCandidate[];
  measured?: 'country_and_band' | 'country' | 'everywhere' | null;
  rules: readonly { name: string; version: number; reason_code: string }[];
  experiment?: { id: string; name: string; arm: string } | null;
}

/** Millionths as per cent with one decimal: 816000 is "81.6%". */
export function percentText(lang: string, ppm: number | null | undefined): string {
  if (ppm === null || ppm === undefined) return '–';
  const tenths = Math.round(ppm / 1_000);
  const text = `${tenths < 0 ? '-' : ''}${Math.trunc(Math.abs(tenths) / 10)}.${Math.abs(tenths) % 10}`;
  return number(lang, text, { style: 'unit', unit: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A method by its name, as a title. */
export function methodName(code: string): string {
  const words = hasText('shared', `method.${code}`) ? serverText('shared', `method.${code}`) : plain(code);
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

/** Where a payment went and why: what decided, and every connection with its figures as they were then. */
export function RouteWhy({ route, id }: { route: RouteView; id: string }) {
  const { t, i18n } = useTranslation('office-routing');
  const lang = i18n.language;
  const columns = useMemo<readonly Column<RouteCandidate>[]>(() => {
    const place = (c: RouteCandidate) => {
      if (c.connection === route.connection) return <Chip tone="good" size="sm" label={t('why.chosen')} />;
      if (c.left_out) return <Chip tone="idle" size="sm" label={t(`why.out.${c.left_out}`)} />;
      const at = route.then.indexOf(c.connection);
      return at < 0 ? null : t('why.next', { n: number(lang, at + 2) });
    };
    return [
      { id: 'connection', header: t('connection'), width: 150, fixed: true, cell: (c) => <bdi>{c.connection}</bdi> },
      { id: 'place', header: t('why.place'), width: 190, card: 'side', cell: place },
      { id: 'paid', header: t('why.paid'), width: 130, align: 'number', cell: (c) => (c.ended > 0 ? t('why.paidOf', { paid: number(lang, c.paid), ended: number(lang, c.ended) }) : '–') },
      { id: 'rate', header: t('why.rate'), width: 120, align: 'number', cell: (c) => percentText(lang, c.rate_ppm) },
      { id: 'cost', header: t('why.cost'), width: 100, align: 'number', cell: (c) => percentText(lang, c.cost_ppm) },
      { id: 'score', header: t('why.score'), width: 120, align: 'number', cell: (c) => percentText(lang, c.score_ppm) },
    ];
  }, [t, lang, route]);
  return (
    <>
      <KeyValue
        items={[
          { label: t('why.goes'), value: <bdi>{route.connection}</bdi> },
          { label: t('why.because'), value: t(`why.by.${route.by}`) },
          { label: t('why.rules'), value: route.rules.length ? route.rules.map((r) => t('why.rule', { name: r.name, version: number(lang, r.version) })).join(' · ') : null, optional: true },
          { label: t('why.experiment'), value: route.experiment ? t('why.arm', { name: route.experiment.name, arm: route.experiment.arm }) : null, optional: true },
          { label: t('why.measured'), value: route.measured ? t(`why.level.${route.measured}`) : t('why.notMeasured') },
        ]}
      />
      <DataTable id={id} inline label={t('why.candidates')} columns={columns} rows={route.candidates} rowId={(c) => c.connection} rowTone={(c) => (c.left_out ? 'muted' : undefined)} />
    </>
  );
}
