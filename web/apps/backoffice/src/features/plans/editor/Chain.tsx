import { ActionIcon, Button, Group, Select, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { methods, type Method, type PlanOverride } from './document';
import { useEditing, useFault, wordText } from './editing';
import { Codes, Decimal, Levels, Percent, Text, Word } from './fields';
import { Bands } from './Rules';
import classes from './editor.module.css';

const fresh: Record<Method, PlanOverride> = {
  fixed: { method: 'fixed' },
  differential: { method: 'differential' },
  percent_of_child: { method: 'percent_of_child', of: 'next', levels: ['0.20'] },
  multiplier: { method: 'multiplier', levels: ['1.00', '0.20'] },
  pool: { method: 'pool', weights: ['0.70', '0.20', '0.10'] },
};

/** What partners above the client's own one get. */
export function Chain() {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const o = doc.override;
  const whole = useFault(['override']);
  const tiers = doc.tiers ?? [];
  const tier = tiers.find((x) => x.id === o?.tier);
  const drop = (level: number) => t('dropLevel', { level });
  return (
    <Card title={t('s.override')}>
      <Stack>
        <Select label={t('f.override.method')} error={whole} placeholder={wordText('method', 'none')} clearable data={methods.map((value) => ({ value, label: wordText('method', value) }))} value={o?.method ?? null} onChange={(m) => set(['override'], m ? fresh[m as Method] : undefined)} />
        {o && <p className="qd-muted" style={{ margin: 0 }}>{t(`methodNote.${o.method}`)}</p>}
        {o?.method === 'percent_of_child' && (
          <>
            <div className={classes.grid}>
              <Word at={['override', 'of']} list="of" words={['next', 'direct']} standard="" />
              <Word at={['override', 'base']} list="base" words={['gross', 'net']} clear={t('asThePlanBelow')} />
            </div>
            <Levels at={['override', 'levels']} first={2} add={t('addLevel')} drop={drop} fresh="0.10" />
          </>
        )}
        {o?.method === 'multiplier' && (
          <>
            <Levels at={['override', 'levels']} first={1} add={t('addLevel')} drop={drop} plainNumbers fresh="0.10" />
            {tiers.length > 0 && <Select label={t('f.override.tier')} clearable data={tiers.map((x) => ({ value: x.id, label: x.id }))} value={o.tier ?? null} onChange={(id) => set(['override'], id ? { ...o, tier: id, ratios: Array.from({ length: (tiers.find((x) => x.id === id)?.thresholds?.length ?? 0) + 1 }, () => '1') } : { ...o, tier: undefined, ratios: undefined })} />}
            {tier && <Bands tier={tier} at={['override', 'ratios']} share={false} unit="×" />}
            {(o.personal ?? []).map((_, at) => (
              <Group key={at} align="flex-end" wrap="nowrap" gap="xs">
                <div style={{ flex: 2 }}><Text at={['override', 'personal', at, 'partner']} ltr /></div>
                <div style={{ flex: 1 }}><Decimal at={['override', 'personal', at, 'ratio']} unit="×" /></div>
                <ActionIcon variant="subtle" color="gray" mb={6} aria-label={t('dropPersonal')} onClick={() => set(['override', 'personal', at], undefined)}><IconTrash size={16} aria-hidden /></ActionIcon>
              </Group>
            ))}
            <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => set(['override', 'personal', (o.personal ?? []).length], { partner: '', ratio: '1' })}>{t('addPersonal')}</Button>
          </>
        )}
        {o?.method === 'pool' && <Levels at={['override', 'weights']} first={1} add={t('addLevel')} drop={drop} fresh="0.10" />}
        <ClientRebates />
      </Stack>
    </Card>
  );
}

/** The part of the direct partner's earnings that goes to the client; the first that fits counts. */
function ClientRebates() {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const all = doc.client_rebates ?? [];
  return (
    <>
      <div className={classes.head}>
        <h3>{t('s.rebates')}</h3>
        <Button size="compact-sm" variant="default" onClick={() => set(['client_rebates', all.length], { percent: '' })}>{t('addRebate')}</Button>
      </div>
      {all.length === 0 && <p className="qd-muted" style={{ margin: 0 }}>{t('noRebates')}</p>}
      {all.map((r, at) => <Rebate key={at} rebate={r} at={at} />)}
    </>
  );
}

function Rebate({ rebate, at }: { rebate: { percent?: string; per_lot?: string }; at: number }) {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const whole = useFault(['client_rebates', at]);
  const here = ['client_rebates', at] as const;
  const lots = rebate.per_lot !== undefined;
  return (
    <section className={classes.rule} aria-label={t('s.rebates')}>
      {whole && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{whole}</p>}
      <div className={classes.grid}>
        <Select label={t('rebateBy')} allowDeselect={false} data={[{ value: 'percent', label: t('f.client_rebates.percent') }, { value: 'per_lot', label: t('f.client_rebates.per_lot') }]} value={lots ? 'per_lot' : 'percent'} onChange={(v) => set(here, { ...rebate, percent: v === 'percent' ? '' : undefined, per_lot: v === 'per_lot' ? '' : undefined })} />
        {lots ? <Decimal at={[...here, 'per_lot']} unit={doc.currency === 'account' ? undefined : doc.currency} /> : <Percent at={[...here, 'percent']} />}
        <Codes at={[...here, 'tags']} any={t('everyClient')} />
        <Codes at={[...here, 'groups']} any={t('any')} />
      </div>
      <Button size="compact-sm" variant="subtle" color="gray" style={{ justifySelf: 'start' }} onClick={() => set(here, undefined)}>{t('dropRebate')}</Button>
    </section>
  );
}
