import type { Answer } from '@qd/api';
import { number, serverText, useTranslation } from '@qd/i18n';
import { Card, Money, Notice, Price, When } from '@qd/ui';
import { useEffect, useState } from 'react';
import { Review } from '../../lib/parts';
import { clock } from '../../lib/Steps';

export type Quote = Answer<'post', '/api/v1/me/transfers/quote'>;

/** Seconds a quote still holds: its own length, counted here from when it came, whatever this clock says. */
export function useLeft(quote: Quote | null): number {
  const [came, setCame] = useState({ id: '', at: 0 });
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!quote) return;
    setCame({ id: quote.id, at: Date.now() });
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [quote]);
  if (!quote) return 0;
  const long = (quote.expires_at_us - quote.created_at_us) / 1_000_000;
  return came.id === quote.id ? Math.max(0, Math.ceil(long - (now - came.at) / 1_000)) : long;
}

/** Hundredths of a per cent as text: 50 is "0.5%". */
export const basisPoints = (lang: string, bp: number): string =>
  number(lang, `${Math.trunc(bp / 100)}.${String(Math.abs(bp) % 100).padStart(2, '0')}`, { style: 'unit', unit: 'percent', maximumFractionDigits: 2 });

export const rateSource = (source: string): string => serverText('trader-money', `fx.sources.${source}`);

/** The rate with where it comes from and what we keep, and how long it still holds. */
export function QuoteCard({ quote: q, left }: { quote: Quote; left: number }) {
  const { t, i18n } = useTranslation('trader-money');
  const pair = t('fx.pair', { from: q.pays.currency, to: q.gets.currency });
  return (
    <Card title={t('fx.title')}>
      <Review
        items={[
          { label: t('fx.you_give'), value: <Money value={q.pays} /> },
          { label: t('fx.you_get'), value: <Money value={q.gets} />, strong: true },
          { label: `${t('fx.rate')} (${pair})`, value: <Price value={q.rate} /> },
          { label: t('fx.mid'), value: <Price value={q.mid_rate} /> },
          { label: t('fx.markup'), value: basisPoints(i18n.language, q.markup_bp) },
          { label: t('fx.source'), value: <bdi>{rateSource(q.source)}</bdi> },
          { label: t('fx.at'), value: <When us={q.rate_at_us} as="full" /> },
        ]}
      />
      {left > 0 ? (
        <p role="timer" className="qd-num">
          {t('fx.left', { time: clock(left) })}
        </p>
      ) : (
        <Notice tone="warn">{t('fx.over')}</Notice>
      )}
    </Card>
  );
}
