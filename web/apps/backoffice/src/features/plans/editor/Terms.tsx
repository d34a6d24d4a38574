import { Button, Collapse, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { useState } from 'react';
import { useEditing } from './editing';
import { Decimal, Flag, Percent, Text, Whole, Word } from './fields';
import classes from './editor.module.css';

/** What the contract settles besides rates; each has a usual answer and is printed on statements. */
export const termWords: Record<string, readonly string[]> = {
  look_up: ['close', 'open', 'half'],
  calendar: ['utc', 'server'],
  inversion: ['running_maximum', 'next_below'],
  gaps: ['keep', 'pass_up', 'compress'],
  cap_excess: ['house', 'pass_up'],
  rebate_taken: ['after', 'before'],
  corrections: ['retier', 'freeze'],
  fee_bearer: ['house', 'partner'],
  clawback: ['cpa', 'cpa_and_lots', 'none'],
  self_referral: ['hold', 'refuse'],
  attribution: ['last_click', 'first_click', 'last_non_direct', 'code', 'manual'],
  termination: ['house', 'parent', 'trail'],
};

export function Terms() {
  const { t } = useTranslation('office-plans');
  const { doc } = useEditing();
  const stated = Object.keys(doc.terms ?? {}).length;
  const [open, setOpen] = useState(false);
  const money = doc.currency === 'account' ? undefined : doc.currency;
  const word = (name: string) => <Word key={name} at={['terms', name]} list={name} words={termWords[name] ?? []} />;
  return (
    <Card title={t('s.terms')} actions={<Button size="compact-sm" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t('fold') : t('unfold')}</Button>}>
      <p className="qd-muted" style={{ margin: 0 }}>{stated === 0 ? t('termsUsual') : t('termsStated', { count: stated })}</p>
      <Collapse expanded={open}>
        <Stack pt="md">
          <div className={classes.grid}>
            {['look_up', 'calendar', 'inversion', 'gaps', 'cap_excess', 'rebate_taken', 'corrections'].map(word)}
            <Text at={['terms', 'fx_source']} ltr />
          </div>
          <Flag at={['terms', 'tiers_count_excluded']} />
          <h3 style={{ margin: 0, fontSize: '1rem' }}>{t('termsPayment')}</h3>
          <div className={classes.grid}>
            <Whole at={['terms', 'hold_days']} unit={t('unit.days')} max={3650} standard={0} />
            <Percent at={['terms', 'reserve']} />
            <Whole at={['terms', 'reserve_days']} unit={t('unit.days')} max={3650} standard={0} />
            <Decimal at={['terms', 'minimum_payout']} unit={money} />
            <Percent at={['terms', 'payout_fee']} />
            {word('fee_bearer')}
            {word('clawback')}
            <Decimal at={['terms', 'clawback_floor']} unit={money} />
          </div>
          <h3 style={{ margin: 0, fontSize: '1rem' }}>{t('termsClients')}</h3>
          <div className={classes.grid}>
            {['attribution', 'self_referral', 'termination'].map(word)}
            {get(doc.terms, 'termination') === 'trail' && <Whole at={['terms', 'trail_months']} unit={t('unit.months')} max={120} />}
          </div>
        </Stack>
      </Collapse>
    </Card>
  );
}
const get = (terms: Record<string, unknown> | undefined, name: string) => terms?.[name];
