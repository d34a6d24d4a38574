import type { Schema } from '@qd/api';
import { statusText, Lots, Money, Notice, Price, When, Why, type WhyNode } from '@qd/ui';
import { useTranslation } from '@qd/i18n';
import { Fragment } from 'react';
import { PartnerName } from './Chain';
import { PlanName } from './Overview';
import classes from './partners.module.css';
import { boundTo, methodOf, reasonOf, testedOf, wantedOf } from './words';

type Story = Schema<'CommissionExplanation'>;
type Candidate = Schema<'RuleCandidate'>;

/** How the amount came about, from the result down to its inputs, and what else was looked at. */
export function Explanation({ explanation: e, minor, currency, reason }: { explanation: Story; minor: number; currency: string; reason?: string | null }) {
  const { t } = useTranslation('office-partners');
  const why = reason ?? e.reason;
  const plan = (c: Candidate) => (c.plan.startsWith('pln_') ? <><PlanName id={c.plan} /> {t('why.version', { version: c.version })}</> : t('why.thisPlan'));
  const nodes: WhyNode[] = [
    {
      key: 'result',
      label: t('why.result'),
      value: <Money strong value={{ minor, currency }} />,
      note: e.exact ? <bdi dir="ltr">{t('why.exact', { exact: e.exact })}</bdi> : undefined,
      children: [
        ...(e.rule ? [{ key: 'rule', label: t('why.rule'), value: <bdi>{e.rule.rule}</bdi>, note: <>{plan(e.rule)} · {statusText('plan_rank', e.rule.rank)}</> }] : []),
        ...(e.rule ? [{ key: 'rate', label: t('why.rate'), value: <bdi dir="ltr"><Price value={e.rule.rate} /></bdi>, note: e.method ? methodOf(e.method) : undefined }] : e.method ? [{ key: 'method', label: t('why.method'), value: methodOf(e.method) }] : []),
        ...(e.volume
          ? [{
              key: 'volume',
              label: t('why.base'),
              value: <Lots value={e.volume.lots} />,
              note: e.volume.platform_lots !== e.volume.lots ? t('why.platformLots', { lots: e.volume.platform_lots }) : undefined,
              children: (e.volume.factors ?? []).map((f, at) => ({ key: `f${at}`, label: testedOf(f.what), value: <bdi dir="ltr">{f.value}</bdi> })),
            }]
          : []),
        ...(e.below ?? []).map((b, at) => ({ key: `b${at}`, label: <>{t('why.below')} <PartnerName id={b.partner} /></>, value: <bdi dir="ltr">{b.amount} {b.currency}</bdi> })),
        ...(e.fx ?? []).map((x, at) => ({
          key: `x${at}`,
          label: x.divided ? t('why.divided', { pair: x.pair }) : t('why.times', { pair: x.pair }),
          value: <Price value={String(x.rate)} />,
          note: <><bdi>{x.source}</bdi> · <When us={x.at_us} as="full" /></>,
        })),
      ],
    },
    {
      key: 'path',
      label: t('why.path'),
      value: t('why.level', { level: e.level }),
      children: e.path.map((partner, at) => ({ key: partner, label: <PartnerName id={partner} />, note: at + 1 === e.level ? t('why.here') : undefined })),
    },
    ...((e.tested ?? []).length > 0
      ? [{
          key: 'tested',
          label: t('why.tested'),
          children: (e.tested ?? []).map((x, at) => ({ key: `t${at}`, label: testedOf(x.what), value: <bdi dir="ltr">{x.value}</bdi>, note: x.wanted ? t('why.wanted', { wanted: wantedOf(x.wanted) }) : undefined })),
        }]
      : []),
    {
      key: 'losing',
      label: t('why.losing'),
      value: (e.losing ?? []).length === 0 ? t('why.noLosing') : undefined,
      children: (e.losing ?? []).map((c, at) => ({ key: `l${at}`, label: <bdi>{c.rule}</bdi>, value: <Price value={c.rate} />, note: <Fragment>{plan(c)} · {statusText('plan_rank', c.rank)} · {boundTo(c.specificity)}</Fragment> })),
    },
  ];
  return (
    <>
      {why && <Notice tone="warn">{reasonOf(why)}</Notice>}
      {e.formula && <p className={classes.formula}><bdi dir="ltr"><Formula text={e.formula} /></bdi></p>}
      {e.corrects && <p className="qd-muted">{e.corrects.statement ? t('why.correctsStated') : t('why.corrects')}</p>}
      <Why nodes={nodes} open={2} />
    </>
  );
}

/** The engine's own line, with names where it has ids. */
export function Formula({ text }: { text: string }) {
  return <>{text.split(/(par_[0-9A-Z]{26})/).map((part, at) => (part.startsWith('par_') ? <PartnerName key={at} id={part} link={false} /> : part))}</>;
}
