import { duration, number, useTranslation } from '@qd/i18n';
import { Chip, covered, KeyValue, Money, Value, type Tone } from '@qd/ui';
import type { ReactNode } from 'react';
import type { Withdrawal } from './queries';

function Verdict({ good, yes, no, children }: { good: boolean | null | undefined; yes: string; no: string; children?: ReactNode }) {
  if (covered(good)) return <Value>{good as never}</Value>;
  const tone: Tone = good === true ? 'good' : good === false ? 'bad' : 'idle';
  return (
    <span style={{ display: 'inline-flex', flexWrap: 'wrap', gap: '0.25rem 0.5rem', alignItems: 'center' }}>
      <Chip tone={tone} size="sm" label={good ? yes : no} />
      {children}
    </span>
  );
}

/** What was looked at before anybody is asked: money, verification, source, device, changes. */
export function Checks({ w }: { w: Withdrawal }) {
  const { t, i18n } = useTranslation('office-money');
  const c = w.checks;
  const lang = i18n.language;
  if (!c) return null;
  const hours = (n: number | null | undefined) => (covered(n) ? <Value>{n as never}</Value> : n === null || n === undefined ? t('check.never') : t('check.ago', { time: duration(lang, n * 3600) }));
  const funds = covered(c.funds) ? null : c.funds;
  return (
    <KeyValue
      items={[
        {
          label: t('check.funds'),
          value: funds ? (
            <Verdict good={funds.enough} yes={t('check.enough')} no={t('check.short')}>
              <span>
                {t('check.balance')} <Money value={funds.balance} />
              </span>
              <span>
                {t('check.held')} <Money value={funds.held} />
              </span>
            </Verdict>
          ) : (
            <Value>{c.funds as never}</Value>
          ),
        },
        { label: t('check.share'), value: funds && typeof funds.share_of_balance_pct === 'number' ? number(lang, funds.share_of_balance_pct / 100, { style: 'percent' }) : null, optional: true },
        {
          label: t('check.kyc'),
          value: (
            <Verdict good={c.kyc.verified} yes={t('check.verified')} no={t('check.notVerified')}>
              {typeof c.kyc.age_days === 'number' && <span>{t('check.days', { count: c.kyc.age_days })}</span>}
            </Verdict>
          ),
        },
        { label: t('check.source'), value: <Verdict good={c.source.same_source} yes={t('check.sameSource')} no={t('check.otherSource')} /> },
        {
          label: t('check.device'),
          value:
            typeof c.device.known_days === 'number' ? (
              <Verdict good={c.device.known_days > 0} yes={t('check.known')} no={t('check.newDevice')}>
                <span>{t('check.days', { count: c.device.known_days })}</span>
                {c.device.first && <span className="qd-muted">{t('check.firstDevice')}</span>}
              </Verdict>
            ) : null,
        },
        { label: t('check.contact'), value: hours(c.changes.contact_hours) },
        { label: t('check.password'), value: hours(c.changes.password_hours) },
        { label: t('check.deals'), value: typeof c.deals === 'number' ? number(lang, c.deals) : (c.deals as never) },
        { label: t('check.disputes'), value: typeof c.disputes === 'number' ? c.disputes === 0 ? number(lang, 0) : <Chip tone="bad" size="sm" label={number(lang, c.disputes)} /> : (c.disputes as never) },
      ]}
    />
  );
}
