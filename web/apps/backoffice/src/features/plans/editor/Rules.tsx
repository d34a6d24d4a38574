import { ActionIcon, Button, Collapse, Group, Select, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { bandsOf, isShare, moreScope, payOf, pays, scopeParts, type PlanRule, type PlanTier } from './document';
import { useEditing, useFault, wordText } from './editing';
import { Codes, Day, Decimal, Flag, Percent, Text, Whole, Word } from './fields';
import classes from './editor.module.css';

/** What is paid: each rate with what it is a rate of and what it is bound to; the closest fitting one pays. */
export function Rules() {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const rules = doc.rules ?? [];
  const empty = useFault(['rules']);
  const add = (kind: 'base' | 'promotion') => set(['rules', rules.length], { id: freeName(rules, kind === 'base' ? 'rate' : 'promotion'), kind, pay: 'per_lot', rate: '' });
  return (
    <Card title={t('s.rules')} actions={<Group gap="xs"><Button size="compact-sm" variant="default" onClick={() => add('base')}>{t('addRule')}</Button><Button size="compact-sm" variant="default" onClick={() => add('promotion')}>{t('addPromotion')}</Button></Group>}>
      <Stack>
        <p className="qd-muted" style={{ margin: 0 }}>{t('rulesNote')}</p>
        {rules.length === 0 && <p className="qd-muted" style={{ margin: 0 }}>{t('noRules')}</p>}
        {empty && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{empty}</p>}
        {rules.map((r, at) => <Rule key={at} rule={r} at={at} />)}
      </Stack>
    </Card>
  );
}

const freeName = (rules: readonly PlanRule[], stem: string) => {
  for (let n = rules.length + 1; ; n++) if (!rules.some((r) => r.id === `${stem}-${n}`)) return `${stem}-${n}`;
};

function Rule({ rule: r, at }: { rule: PlanRule; at: number }) {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const whole = useFault(['rules', at]);
  const here = ['rules', at] as const;
  const pay = payOf(r);
  const bound = Object.values(r.scope ?? {}).filter((v) => (v?.length ?? 0) > 0).length;
  const [open, setOpen] = useState(bound > 0);
  const [more, setMore] = useState(false);
  const tiers = doc.tiers ?? [];
  const tier = tiers.find((x) => x.id === r.tier);
  const currency = r.currency ?? doc.currency;
  const name = currency === 'account' ? t('accountMoney') : currency;
  const unit = pay === 'pips' ? t('unit.pips') : isShare(pay) ? '%' : name;
  const asked = t(`rateOf.${pay}`, { currency: name });
  const choosePay = (next: string | null) => {
    if (!next) return;
    const fresh: PlanRule = { ...r, kind: r.kind === 'promotion' ? 'promotion' : 'base', pay: next as PlanRule['pay'] };
    // A share is no sum: a rate typed for the one must not be taken for the other.
    if (isShare(pay) !== isShare(next as typeof pay)) { fresh.rate = ''; if (fresh.rates) fresh.rates = fresh.rates.map(() => ''); }
    if (isShare(next as typeof pay) || next === 'pips') delete fresh.currency;
    set(here, fresh);
  };
  const chooseTier = (id: string | null) => {
    const { tier: _, rates: __, ...rest } = r;
    const to = tiers.find((x) => x.id === id);
    set(here, to ? { ...rest, rate: undefined, tier: to.id, rates: Array.from({ length: (to.thresholds?.length ?? 0) + 1 }, () => r.rate ?? '') } : { ...rest, rate: r.rates?.[0] ?? '' });
  };
  return (
    <section className={classes.rule} data-wrong={whole ? true : undefined} aria-label={r.id || t('rule')}>
      <div className={classes.head}>
        <h3>{r.kind === 'promotion' ? t('promotion') : t('rule')} <bdi dir="ltr" className="qd-muted">{r.id}</bdi></h3>
        <ActionIcon variant="subtle" color="gray" aria-label={t('dropRule', { rule: r.id })} onClick={() => set(here, undefined)}><IconTrash size={16} aria-hidden /></ActionIcon>
      </div>
      {whole && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{whole}</p>}
      <div className={classes.grid}>
        <Text at={[...here, 'id']} ltr />
        <Select label={t('f.rules.pay')} allowDeselect={false} data={pays.map((v) => ({ value: v, label: wordText('pay', v) }))} value={pay} onChange={choosePay} />
        {!r.tier && (isShare(pay) ? <Percent at={[...here, 'rate']} label={asked} required /> : <Decimal at={[...here, 'rate']} label={asked} unit={unit} required />)}
        {tiers.length > 0 && <Select label={t('f.rules.tier')} clearable placeholder={t('oneRate')} data={tiers.filter((x) => x.id).map((x) => ({ value: x.id, label: x.id }))} value={r.tier ?? null} onChange={chooseTier} />}
        {doc.override?.method === 'fixed' && <Whole at={[...here, 'level']} min={1} max={50} standard={1} />}
      </div>
      {tier && <Bands tier={tier} at={[...here, 'rates']} share={isShare(pay)} unit={unit} />}
      {(pay === 'spread' || pay === 'markup') && (
        <div className={classes.grid}>
          <Word at={[...here, 'spread_at']} list="spread_at" words={['open', 'close', 'half']} standard="close" />
          {pay === 'markup' && <Word at={[...here, 'markup_of']} list="markup_of" words={['measured', 'configured']} />}
          {pay === 'spread' && <Flag at={[...here, 'damped']} />}
        </div>
      )}
      <Group gap="xs">
        <Button size="compact-sm" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>{bound > 0 ? t('boundTo', { count: bound }) : t('boundToNothing')}</Button>
        <Button size="compact-sm" variant="subtle" aria-expanded={more} onClick={() => setMore(!more)}>{t('moreOfRule')}</Button>
      </Group>
      <Collapse expanded={open}>
        <div className={classes.grid}>
          {[...scopeParts, ...moreScope].map((part) => <Codes key={part} at={[...here, 'scope', part]} any={t('any')} capitals={part === 'countries' || part === 'partner_countries' || part === 'symbols'} />)}
        </div>
      </Collapse>
      <Collapse expanded={more}>
        <div className={classes.grid}>
          <Word at={[...here, 'when']} list="when" words={['close', 'open', 'both']} />
          {!isShare(pay) && pay !== 'pips' && <Text at={[...here, 'currency']} ltr />}
          <Decimal at={[...here, 'cap_per_order']} unit={unit === '%' ? undefined : name} />
          <Day at={[...here, 'valid_from']} />
          <Day at={[...here, 'valid_to']} />
          <Select label={t('f.rules.after')} clearable placeholder={t('fromFirstDeal')} data={[{ value: 'qualification', label: wordText('after', 'qualification') }]} value={r.after ?? null} onChange={(v) => set([...here, 'after'], v ?? undefined)} />
        </div>
      </Collapse>
    </section>
  );
}

/** One rate for each band, with the band's own limits as its name. */
export function Bands({ tier, at, share, unit }: { tier: PlanTier; at: readonly (string | number)[]; share: boolean; unit: string }) {
  const { t } = useTranslation('office-plans');
  const whole = useFault(at);
  const of = wordText('measureUnit', tier.measure ?? 'lots');
  return (
    <div className={classes.grid}>
      {bandsOf(tier.thresholds ?? []).map((b, n) => {
        const label = b.from === null ? (b.to === null ? t('band.all') : t('band.below', { to: b.to, of })) : b.to === null ? t('band.from', { from: b.from, of }) : t('band.between', { from: b.from, to: b.to, of });
        return share ? <Percent key={n} at={[...at, n]} label={label} /> : <Decimal key={n} at={[...at, n]} label={label} unit={unit} />;
      })}
      {whole && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{whole}</p>}
    </div>
  );
}
