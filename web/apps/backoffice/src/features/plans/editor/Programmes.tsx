import { ActionIcon, Button, Group, Stack, Switch } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { get } from './document';
import { useEditing, useFault } from './editing';
import { Codes, Decimal, Flag, Percent, Text, Whole, Word } from './fields';
import classes from './editor.module.css';

const components = ['client_result', 'spread', 'commission', 'swap', 'bonus', 'payment_fee', 'chargeback', 'refund', 'tax', 'hedging'] as const;

/** A sum for each client that qualifies. */
export function Cpa() {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const on = doc.cpa !== undefined;
  const amounts = (get(doc, ['cpa', 'amounts']) as unknown[] | undefined) ?? [];
  const own = get(doc, ['cpa', 'currency']);
  const money = typeof own === 'string' && own ? own : doc.currency === 'account' ? undefined : doc.currency;
  const list = useFault(['cpa', 'amounts']);
  const toggle = (yes: boolean) => {
    set(['cpa'], yes ? { amounts: [{ countries: [], amount: '' }], first_deposit: { min: '200', window_hours: 24 }, activity: { lots: '3' }, window: { days: 45 }, hold_days: 30 } : undefined);
    if (!yes) set(['hybrid'], undefined);
  };
  return (
    <Card title={t('s.cpa')} actions={<Switch aria-label={t('s.cpa')} checked={on} onChange={(e) => toggle(e.currentTarget.checked)} />}>
      {!on ? (
        <p className="qd-muted" style={{ margin: 0 }}>{t('noCpa')}</p>
      ) : (
        <Stack>
          <h3 style={{ margin: 0, fontSize: '1rem' }}>{t('cpaAmounts')}</h3>
          {list && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{list}</p>}
          {amounts.map((_, n) => (
            <Group key={n} align="flex-end" wrap="nowrap" gap="xs">
              <div style={{ flex: 2 }}><Codes at={['cpa', 'amounts', n, 'countries']} capitals any={t('allOthers')} /></div>
              <div style={{ flex: 1 }}><Decimal at={['cpa', 'amounts', n, 'ftd_from']} unit={money} /></div>
              <div style={{ flex: 1 }}><Decimal at={['cpa', 'amounts', n, 'amount']} unit={money} required /></div>
              <ActionIcon variant="subtle" color="gray" mb={6} disabled={amounts.length === 1} aria-label={t('dropLine')} onClick={() => set(['cpa', 'amounts', n], undefined)}><IconTrash size={16} aria-hidden /></ActionIcon>
            </Group>
          ))}
          <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => set(['cpa', 'amounts', amounts.length], { countries: [], amount: '' })}>{t('addAmount')}</Button>
          <h3 style={{ margin: 0, fontSize: '1rem' }}>{t('cpaConditions')}</h3>
          <div className={classes.grid}>
            <Decimal at={['cpa', 'first_deposit', 'min']} unit={money} />
            <Whole at={['cpa', 'first_deposit', 'window_hours']} unit={t('unit.hours')} max={2160} standard={24} />
            <Decimal at={['cpa', 'activity', 'lots']} unit={t('unit.lots')} />
            <Decimal at={['cpa', 'activity', 'spread']} unit={money} />
            <Whole at={['cpa', 'window', 'days']} unit={t('unit.days')} max={3650} />
            <Word at={['cpa', 'window', 'from']} list="clock" words={['first_deposit', 'registration']} />
            <Word at={['cpa', 'kyc']} list="kyc" words={['inside_window', 'before_payout', 'not_needed']} />
            <Word at={['cpa', 'country']} list="country" words={['registration', 'kyc']} />
            <Whole at={['cpa', 'hold_days']} unit={t('unit.days')} max={3650} standard={0} />
            <Word at={['cpa', 'once']} list="once" words={['person_and_brand', 'client']} />
            <Word at={['cpa', 'self_referral']} list="cpaSelf" words={['hold', 'decline']} />
            <Word at={['chargeback']} list="chargeback" words={['cpa', 'cpa_and_lots', 'none']} />
            <Text at={['cpa', 'currency']} ltr />
          </div>
        </Stack>
      )}
    </Card>
  );
}

/** A part of what the partner's clients brought in a month. */
export function RevenueShare() {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const on = doc.revenue_share !== undefined;
  const bands = get(doc, ['revenue_share', 'bands']) as unknown[] | undefined;
  const own = get(doc, ['revenue_share', 'currency']);
  const money = typeof own === 'string' && own ? own : doc.currency === 'account' ? undefined : doc.currency;
  const kind = get(doc, ['revenue_share', 'carry', 'kind']);
  const net = useFault(['revenue_share', 'net']);
  const section = ['revenue_share'] as const;
  return (
    <Card title={t('s.revenue_share')} actions={<Switch aria-label={t('s.revenue_share')} checked={on} onChange={(e) => set(section, e.currentTarget.checked ? { share: '0.30', net: { client_result: true, commission: true, swap: true, bonus: true, payment_fee: true, chargeback: true }, carry: { kind: 'carry' } } : undefined)} />}>
      {!on ? (
        <p className="qd-muted" style={{ margin: 0 }}>{t('noRevenueShare')}</p>
      ) : (
        <Stack>
          {!bands ? (
            <Group align="flex-end">
              <Percent at={['revenue_share', 'share']} required />
              <Button size="compact-sm" variant="subtle" onClick={() => { set(['revenue_share', 'share'], undefined); set(['revenue_share', 'bands'], [{ above: '0', share: '0.25' }, { above: '10000', share: '0.30' }]); }}>{t('useBands')}</Button>
            </Group>
          ) : (
            <>
              {bands.map((_, n) => (
                <Group key={n} align="flex-end" wrap="nowrap" gap="xs">
                  <div style={{ flex: 1 }}><Decimal at={['revenue_share', 'bands', n, 'above']} unit={money} /></div>
                  <div style={{ flex: 1 }}><Percent at={['revenue_share', 'bands', n, 'share']} /></div>
                  <ActionIcon variant="subtle" color="gray" mb={6} disabled={bands.length === 1} aria-label={t('dropLine')} onClick={() => set(['revenue_share', 'bands', n], undefined)}><IconTrash size={16} aria-hidden /></ActionIcon>
                </Group>
              ))}
              <Group>
                <Button size="compact-sm" variant="default" onClick={() => set(['revenue_share', 'bands', bands.length], { above: '', share: '' })}>{t('addBand')}</Button>
                <Button size="compact-sm" variant="subtle" onClick={() => { set(['revenue_share', 'bands'], undefined); set(['revenue_share', 'share'], '0.30'); }}>{t('oneShare')}</Button>
              </Group>
              <Word at={['revenue_share', 'bands_by']} list="bandsBy" words={['part', 'whole']} />
            </>
          )}
          <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
            <legend style={{ fontWeight: 600, paddingBlockEnd: '0.5rem' }}>{t('f.revenue_share.net._')}</legend>
            {net && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{net}</p>}
            <div className={classes.grid}>{components.map((c) => <Flag key={c} at={['revenue_share', 'net', c]} />)}</div>
          </fieldset>
          <div className={classes.grid}>
            <Word at={['revenue_share', 'carry', 'kind']} list="carry" words={['carry', 'none', 'expires', 'relief']} standard="" label={t('f.revenue_share.carry._')} />
            {kind === 'expires' && <Whole at={['revenue_share', 'carry', 'after_months']} unit={t('unit.months')} min={1} max={120} />}
            {kind === 'relief' && <Decimal at={['revenue_share', 'carry', 'up_to']} unit={money} />}
            {kind === 'relief' && <Whole at={['revenue_share', 'carry', 'first_deposits']} />}
            <Text at={['revenue_share', 'currency']} ltr />
          </div>
        </Stack>
      )}
    </Card>
  );
}

/** How a sum per client and a share of the same clients go together. */
export function Hybrid() {
  const { t } = useTranslation('office-plans');
  const { doc } = useEditing();
  if (!doc.cpa || !doc.revenue_share) return null;
  return (
    <Card title={t('s.hybrid')}>
      <Word at={['hybrid']} list="hybrid" words={['on_everything', 'after_qualification', 'after_recoup', 'better_of_two']} />
    </Card>
  );
}
