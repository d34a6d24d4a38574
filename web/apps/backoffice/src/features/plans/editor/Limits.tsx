import { ActionIcon, Button, Group, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useEditing, useFault } from './editing';
import { Codes, Decimal, Flag, Percent, Text, Whole, Word } from './fields';
import classes from './editor.module.css';

/** Counters with thresholds; rates by band look at them. */
export function Tiers() {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const tiers = doc.tiers ?? [];
  return (
    <Card title={t('s.tiers')} actions={<Button size="compact-sm" variant="default" onClick={() => set(['tiers', tiers.length], { id: `volume${tiers.length > 0 ? `-${tiers.length + 1}` : ''}`, measure: 'lots', window: 'calendar_month', scope: 'own', kind: 'marginal', thresholds: ['100', '300'] })}>{t('addTier')}</Button>}>
      <Stack>
        {tiers.length === 0 && <p className="qd-muted" style={{ margin: 0 }}>{t('noTiers')}</p>}
        {tiers.map((_, at) => <Tier key={at} at={at} />)}
      </Stack>
    </Card>
  );
}

function Tier({ at }: { at: number }) {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const whole = useFault(['tiers', at]);
  const list = useFault(['tiers', at, 'thresholds']);
  const here = ['tiers', at] as const;
  const tier = doc.tiers?.[at];
  const limits = tier?.thresholds ?? [];
  // The rates of rules and ratios stand one for each band: they grow and shrink with the thresholds.
  const setLimits = (next: string[]) => {
    set([...here, 'thresholds'], next);
    (doc.rules ?? []).forEach((r, n) => { if (r.tier === tier?.id && r.rates) set(['rules', n, 'rates'], Array.from({ length: next.length + 1 }, (_, k) => r.rates?.[k] ?? '')); });
    if (doc.override?.tier === tier?.id && doc.override?.ratios) set(['override', 'ratios'], Array.from({ length: next.length + 1 }, (_, k) => doc.override?.ratios?.[k] ?? '1'));
  };
  return (
    <section className={classes.rule} data-wrong={whole ? true : undefined} aria-label={tier?.id}>
      {(whole ?? list) && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{whole ?? list}</p>}
      <div className={classes.grid}>
        <Text at={[...here, 'id']} ltr />
        <Word at={[...here, 'measure']} list="measure" words={['lots', 'notional_usd', 'net_revenue', 'active_clients', 'funded_clients']} standard="" />
        <Word at={[...here, 'window']} list="window" words={['calendar_month', 'rolling_30_days', 'rolling_90_days', 'lifetime']} standard="" />
        <Word at={[...here, 'scope']} list="counts" words={['own', 'subtree']} standard="" />
        <Word at={[...here, 'kind']} list="bands" words={['marginal', 'retroactive', 'next_period']} standard="" />
        {tier?.measure === 'active_clients' && <Decimal at={[...here, 'active_lots']} unit={t('unit.lots')} />}
      </div>
      <p className="qd-muted" style={{ margin: 0 }}>{t(`bandsNote.${(tier?.kind ?? 'marginal') as 'marginal'}`)}</p>
      <div className={classes.grid}>
        {limits.map((_, n) => (
          <Group key={n} align="flex-end" wrap="nowrap" gap="xs">
            <div style={{ flex: 1 }}><Decimal at={[...here, 'thresholds', n]} label={t('threshold', { n: n + 1 })} /></div>
            <ActionIcon variant="subtle" color="gray" mb={6} disabled={limits.length === 1} aria-label={t('dropThreshold', { n: n + 1 })} onClick={() => setLimits(limits.filter((_x, k) => k !== n))}><IconTrash size={16} aria-hidden /></ActionIcon>
          </Group>
        ))}
      </div>
      <Group gap="xs">
        <Button size="compact-sm" variant="default" onClick={() => setLimits([...limits, ''])}>{t('addThreshold')}</Button>
        <Button size="compact-sm" variant="subtle" color="gray" onClick={() => set(here, undefined)}>{t('dropTier')}</Button>
      </Group>
    </section>
  );
}

/** What is not paid, and at most how much. */
export function Limits() {
  const { t } = useTranslation('office-plans');
  const { doc } = useEditing();
  const money = doc.currency === 'account' ? undefined : doc.currency;
  const rates = (doc.caps?.chain ?? undefined) !== undefined;
  return (
    <Card title={t('s.limits')}>
      <Stack>
        <div className={classes.grid}>
          <Whole at={['exclusions', 'min_duration_secs']} unit={t('unit.seconds')} max={604_800} />
          <Decimal at={['exclusions', 'min_move_pips']} unit={t('unit.pips')} />
        </div>
        <Flag at={['exclusions', 'same_price']} />
        <Flag at={['exclusions', 'hedged']} />
        <Flag at={['exclusions', 'negative_balance']} />
        <Flag at={['exclusions', 'bonus_share']} />
        <Flag at={['exclusions', 'client_commission']} />
        <h3 style={{ margin: 0, fontSize: '1rem' }}>{t('s.caps')}</h3>
        <div className={classes.grid}>
          <Decimal at={['caps', 'per_order']} unit={money} />
          <Decimal at={['caps', 'per_client_month']} unit={money} />
          <Percent at={['caps', 'chain', 'share']} />
          {rates && <Word at={['caps', 'chain', 'cut']} list="cut" words={['pro_rata', 'top']} />}
          <Decimal at={['minimum_posting']} unit={money} />
        </div>
        <h3 style={{ margin: 0, fontSize: '1rem' }}>{t('s.scope')}</h3>
        <div className={classes.grid}>
          <Codes at={['scope', 'entities']} any={t('everyEntity')} />
          <Codes at={['scope', 'countries']} capitals any={t('everyCountry')} />
        </div>
        <Lists at="forbidden" />
        <Lists at="regions" />
        <Lists at="factors" />
      </Stack>
    </Card>
  );
}

function Lists({ at }: { at: 'forbidden' | 'regions' | 'factors' }) {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const path = at === 'forbidden' ? (['scope', 'forbidden'] as const) : at === 'regions' ? (['regions'] as const) : (['volume_factors'] as const);
  const all: readonly unknown[] = (at === 'forbidden' ? doc.scope?.forbidden : at === 'regions' ? doc.regions : doc.volume_factors) ?? [];
  const fresh = at === 'forbidden' ? { country: '', source: '' } : at === 'regions' ? { name: '', countries: [] } : { account_types: [], factor: '' };
  return (
    <>
      {all.map((_, n) => (
        <Group key={n} align="flex-end" wrap="nowrap" gap="xs">
          {at === 'forbidden' && <><div style={{ flex: '0 0 6rem' }}><Text at={[...path, n, 'country']} ltr /></div><div style={{ flex: 1 }}><Text at={[...path, n, 'source']} /></div></>}
          {at === 'regions' && <><div style={{ flex: 1 }}><Text at={[...path, n, 'name']} ltr /></div><div style={{ flex: 2 }}><Codes at={[...path, n, 'countries']} capitals /></div></>}
          {at === 'factors' && <><div style={{ flex: 1 }}><Codes at={[...path, n, 'account_types']} /></div><div style={{ flex: 1 }}><Codes at={[...path, n, 'groups']} /></div><div style={{ flex: '0 0 7rem' }}><Decimal at={[...path, n, 'factor']} unit="×" /></div></>}
          <ActionIcon variant="subtle" color="gray" mb={6} aria-label={t('dropLine')} onClick={() => set([...path, n], undefined)}><IconTrash size={16} aria-hidden /></ActionIcon>
        </Group>
      ))}
      <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => set([...path, all.length], fresh)}>{t(`addList.${at}`)}</Button>
    </>
  );
}
