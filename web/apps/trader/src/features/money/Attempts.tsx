import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, errorText, ErrorState, Money, moneyText, Notice, StatusChip, When } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Choices, methodText } from '../../lib/parts';
import classes from '../../lib/room.module.css';
import { detailText } from '../../lib/Steps';
import { feeMinor, feeText, type MethodTerms, termsArrival } from './amounts';

type Deposit = Row<'/api/v1/me/deposits'>;

/** The server takes no more tries of one deposit than these. */
const MOST = 5;

/** Whether the newest try may be followed by another: only a soft decline or a missed time may. */
export function retryOf(d: Pick<Deposit, 'state' | 'attempts'>): 'offer' | 'for_good' | 'most' | null {
  const last = d.attempts.at(-1);
  if (!last || !['redirected', 'failed', 'expired'].includes(d.state)) return null;
  if (!last.failure_code && last.state !== 'failed' && last.state !== 'expired') return null;
  if (!last.soft_failure && last.state !== 'expired') return 'for_good';
  return d.attempts.length >= MOST ? 'most' : 'offer';
}

/** The methods this deposit can still be paid by; the same one where a connection of it is untried. */
export function waysLeft(d: Pick<Deposit, 'amount' | 'attempts'>, methods: readonly MethodTerms[]): MethodTerms[] {
  const tried = new Set(d.attempts.map((a) => `${a.method} ${a.connection}`));
  return methods.filter(
    (m) =>
      !m.unavailable &&
      m.currencies.includes(d.amount.currency) &&
      d.amount.minor >= m.min_minor &&
      d.amount.minor <= m.max_minor &&
      [m.connection, ...m.others].some((c) => !tried.has(`${m.method} ${c}`)),
  );
}

/** Another attempt of the same deposit: the other ways with their fees and times, one tap to pay. */
export function TryAgain({ deposit: d, again, onStarted }: { deposit: Deposit; again: string; onStarted: () => void }) {
  const { t, i18n } = useTranslation(['trader-money', 'trader']);
  const lang = i18n.language;
  const methods = useApiQuery('/api/v1/me/deposit-methods');
  const [picked, setPicked] = useState<string | null>(null);
  const write = useWrite('post', '/api/v1/me/deposits/{id}/attempts', { touches: ['deposit'], onDone: onStarted });
  const title = t('trader-money:deposit.retry.title');
  if (!methods.data) {
    return <Card title={title}>{methods.error ? <ErrorState error={methods.error} onRetry={() => void methods.refetch()} /> : <Skeleton height={120} radius="md" />}</Card>;
  }
  const ways = methods.data.stopped ? [] : waysLeft(d, methods.data.items);
  const currency = d.amount.currency;
  const used = d.attempts.at(-1)?.method;
  // Another method first: what was just declined is the worse guess.
  const sorted = [...ways].sort((a, b) => Number(a.method === used) - Number(b.method === used));
  const way = sorted.find((m) => m.method === picked) ?? sorted[0];
  if (!way) {
    return (
      <Card title={title}>
        <p className={classes.note}>{t('trader-money:deposit.retry.none')}</p>
        <div className={classes.foot}>
          <Button component={Link} to={again}>
            {t('trader-money:deposit.again')}
          </Button>
        </div>
      </Card>
    );
  }
  const total = { minor: d.amount.minor + feeMinor(way, d.amount.minor, currency), currency };
  return (
    <Card title={title}>
      <div className={classes.field}>
        <Choices
          legend={t('trader-money:deposit.retry.text')}
          name="way"
          value={way.method}
          onChange={setPicked}
          options={sorted.map((m) => ({
            value: m.method,
            name: methodText(m.method),
            notes: [m.method === used ? t('trader-money:deposit.retry.same') : null, feeText(lang, m, currency), termsArrival(lang, m)],
          }))}
        />
        {write.error && (
          <Notice tone="bad" title={errorText(write.error)}>
            {t(write.error.outcome === 'unknown' ? 'trader-money:unknown' : 'trader-money:nothing_done')}
          </Notice>
        )}
        <div className={classes.foot}>
          <Button size="md" loading={write.busy} onClick={() => write.submit({ path: { id: d.id }, body: { method: way.method } })}>
            {t('trader-money:deposit.retry.do', { amount: moneyText(lang, total) })}
          </Button>
        </div>
      </div>
    </Card>
  );
}

/** Every try of one deposit as one chain, the first on top. */
export function Attempts({ deposit: d }: { deposit: Deposit }) {
  const { t } = useTranslation('trader-money');
  if (d.attempts.length < 2) return null;
  return (
    <Card title={t('deposit.chain')}>
      <ol className={classes.chain}>
        {d.attempts.map((a) => (
          <li key={a.n}>
            <div className={classes.chainHead}>
              <span className={classes.rowTitle}>
                {t('deposit.attempt', { n: a.n })} · {methodText(a.method)}
              </span>
              <StatusChip kind="attempt" value={a.state} audience="client" size="sm" />
            </div>
            <span className={classes.rowNote}>
              <Money value={a.amount} /> · <When us={a.ended_at_us ?? a.created_at_us} as="full" />
            </span>
            {a.failure_code && <span className={classes.rowNote}>{detailText(a.failure_code, 'payment')}</span>}
          </li>
        ))}
      </ol>
    </Card>
  );
}
