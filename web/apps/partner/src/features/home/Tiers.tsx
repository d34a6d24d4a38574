import { Progress } from '@mantine/core';
import { useApiQuery, type Row } from '@qd/api';
import { number, serverText, useTranslation } from '@qd/i18n';
import { Card, When } from '@qd/ui';
import { shareOf } from '../../lib';
import classes from './home.module.css';

type Tier = Row<'/api/v1/me/partner/tiers'>;
type Rates = Tier['rates'][number];

/** How far I am in each tier of my plan, and what the next one pays. */
export function Tiers() {
  const tiers = useApiQuery('/api/v1/me/partner/tiers', {});
  return (
    <>
      {(tiers.data?.items ?? []).map((x) => (
        <One key={x.tier} tier={x} />
      ))}
    </>
  );
}

const decimals = (measure: string) => (measure.endsWith('clients') ? 0 : 2);

function One({ tier: x }: { tier: Tier }) {
  const { t, i18n } = useTranslation('partner');
  const n = (value: string) => number(i18n.language, value, { minimumFractionDigits: decimals(x.measure), maximumFractionDigits: decimals(x.measure) });
  const goal = (value: string) => number(i18n.language, value, { maximumFractionDigits: 2 });
  const rate = (r: Rates, at: number) => rateText(i18n.language, r, at);
  return (
    <Card title={t('tier.title', { what: serverText('partner', `tier.measure.${x.measure}`) })}>
      <div className={classes.tierHead}>
        <span className={classes.tierValue}>
          {x.next ? serverText('partner', `tier.of.${x.measure}`, { value: n(x.value), goal: goal(x.next) }) : serverText('partner', `tier.all.${x.measure}`, { value: n(x.value) })}
        </span>
        <span className="qd-muted">{x.next && x.missing ? serverText('partner', `tier.missing.${x.measure}`, { value: n(x.missing) }) : t('tier.top')}</span>
      </div>
      <Progress value={x.next ? shareOf(x.value, x.next) * 100 : 100} aria-label={t('tier.title', { what: serverText('partner', `tier.measure.${x.measure}`) })} />
      {x.rates.length > 0 && (
        <table className={classes.rates}>
          <thead>
            <tr>
              <th scope="col">{t('tier.rule')}</th>
              <th scope="col">{t('tier.now')}</th>
              <th scope="col">{t('tier.next')}</th>
            </tr>
          </thead>
          <tbody>
            {x.rates.map((r) => (
              <tr key={`${r.rule}-${r.level}`}>
                <th scope="row"><bdi>{r.rule}</bdi>{r.level > 1 && <> · {t('line.level')} {r.level}</>}</th>
                <td data-now>{rate(r, x.paid)}</td>
                <td>{r.rates[Math.max(x.paid, x.reached) + 1] === undefined && x.paid >= x.reached ? '–' : rate(r, x.paid < x.reached ? x.reached : x.paid + 1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="qd-muted">
        {serverText('partner', `tier.scope.${x.scope}`)} {serverText('partner', `tier.window.${x.window}`)}
        {x.to_us ? <> {t('tier.until')} <When us={x.to_us} as="date" />.</> : null} {serverText('partner', `tier.kind.${x.kind}`)}
        {x.measure === 'active_clients' && <> {t('tier.activeFrom', { lots: goal(x.active_lots) })}</>}
      </p>
    </Card>
  );
}

function rateText(lang: string, r: Rates, band: number): string {
  const value = r.rates[band];
  if (value === undefined) return '–';
  const share = !['per_lot', 'pips', 'per_million'].includes(r.pay);
  const digits = value.split('.')[1]?.length ?? 0;
  const rate = share ? number(lang, value, { style: 'percent', maximumFractionDigits: 2 }) : number(lang, value, { minimumFractionDigits: r.pay === 'pips' ? digits : Math.max(2, digits), maximumFractionDigits: Math.max(2, digits) });
  const key = `tier.rate.${r.pay}${!share && r.pay !== 'pips' && !r.currency ? '_account' : ''}`;
  return serverText('partner', key, { rate, currency: r.currency ?? '' });
}
