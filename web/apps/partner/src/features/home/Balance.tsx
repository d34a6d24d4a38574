import { useApiQuery, type Row, type Schema } from '@qd/api';
import { number, serverText, useTranslation } from '@qd/i18n';
import { Card, ErrorState, Money, Notice, When } from '@qd/ui';
import type { ReactNode } from 'react';
import classes from './home.module.css';

type Figures = Row<'/api/v1/me/partner/payable'>;
type Terms = Schema<'MyTerms'>;

/** What the ledger owes me, what of it waits for what, and what would arrive today. */
export function Balance() {
  const figures = useApiQuery('/api/v1/me/partner/payable', {});
  const terms = useApiQuery('/api/v1/me/partner/terms', {});
  if (figures.error && !figures.data) return <ErrorState error={figures.error} onRetry={() => void figures.refetch()} />;
  return (
    <>
      {(figures.data?.items ?? []).map((f) => (
        <One key={f.currency} f={f} terms={terms.data} />
      ))}
    </>
  );
}

function One({ f, terms }: { f: Figures; terms: Terms | undefined }) {
  const { t, i18n } = useTranslation('partner');
  const money = (minor: number) => <Money value={{ minor, currency: f.currency }} />;
  const next = terms?.next_statement_at_us;
  const percent = (share: string) => number(i18n.language, share, { style: 'percent', maximumFractionDigits: 2 });
  const days = (n: number) => number(i18n.language, n);
  const releases = f.releases.slice(0, 5);
  return (
    <Card title={t('balance.title', { currency: f.currency })}>
      <dl className={classes.sums}>
        <Sum label={t('balance.balance')} value={money(f.balance_minor)} note={f.balance_minor < 0 ? t('balance.negativeNote') : t('balance.balanceNote')} />
        {f.open_minor !== 0 && <Sum label={t('balance.open')} value={money(-f.open_minor)} note={next ? <>{t('balance.openUntil')} <When us={next} as="full" /></> : t('balance.openNote')} />}
        {f.held_minor !== 0 && <Sum label={t('balance.held')} value={money(-f.held_minor)} note={terms && terms.terms.hold_days > 0 ? t('balance.heldDays', { days: days(terms.terms.hold_days) }) : t('balance.heldNote')} />}
        {f.reserved_minor !== 0 && <Sum label={t('balance.reserved')} value={money(-f.reserved_minor)} note={terms ? t('balance.reservedOf', { percent: percent(terms.terms.reserve), days: days(terms.terms.reserve_days) }) : t('balance.reservedNote')} />}
        {f.under_way_minor !== 0 && <Sum label={t('balance.underWay')} value={money(-f.under_way_minor)} note={t('balance.underWayNote')} />}
        <Sum result label={t('balance.payable')} value={<Money strong value={{ minor: f.payable_minor, currency: f.currency }} />} note={f.payable_minor > 0 ? t('balance.payableNote') : undefined} />
        {f.payable_minor > 0 && f.fee_minor !== 0 && <Sum label={t('balance.fee')} value={money(-f.fee_minor)} />}
        {f.payable_minor > 0 && f.tax_minor !== 0 && <Sum label={t('balance.tax')} value={money(-f.tax_minor)} />}
        {f.payable_minor > 0 && f.net_minor !== f.payable_minor && <Sum label={t('balance.net')} value={<Money strong value={{ minor: f.net_minor, currency: f.currency }} />} />}
        {f.carried_minor !== 0 && <Sum label={t('balance.carried')} value={money(f.carried_minor)} note={t('balance.carriedNote')} />}
        <Sum label={t('balance.minimum')} value={f.minimum_minor > 0 ? money(f.minimum_minor) : t('balance.noMinimum')} />
        {terms && next && <Sum label={t('balance.next')} value={<When us={next} as="date" />} note={<>{t('balance.nextNote', { often: serverText('partner', `calendar.${terms.terms.calendar}`), zone: terms.terms.time_zone })} <When us={next} as="full" /></>} />}
        {releases.length > 0 && (
          <div className={classes.sum}>
            <dt>{t('balance.releases')}</dt>
            <dd className={classes.note}>
              <ul className={classes.releases}>
                {releases.map((r) => (
                  <li key={r.at_us}>
                    <When us={r.at_us} as="date" />
                    {money(r.minor)}
                  </li>
                ))}
              </ul>
            </dd>
          </div>
        )}
      </dl>
      {f.reason && f.reason !== 'nothing' && <Notice tone={f.reason === 'negative' ? 'warn' : 'info'}>{serverText('partner', `notPaid.${f.reason}`)}</Notice>}
    </Card>
  );
}

function Sum({ label, value, note, result }: { label: ReactNode; value: ReactNode; note?: ReactNode; result?: boolean }) {
  return (
    <div className={result ? `${classes.sum} ${classes.result}` : classes.sum}>
      <dt>{label}</dt>
      <dd>{value}</dd>
      {note && <dd className={classes.note}>{note}</dd>}
    </div>
  );
}
