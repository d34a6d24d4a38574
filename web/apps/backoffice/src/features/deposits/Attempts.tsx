import { useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, Money, StatusChip, When } from '@qd/ui';
import { useState } from 'react';
import { Button } from '@mantine/core';
import { ObjectLink } from '../../lib/ObjectLink';
import { methodName, RouteWhy, type RouteView } from '../../lib/RouteWhy';
import type { Deposit } from './DepositsPage';
import { codeText } from './words';
import classes from './deposits.module.css';

/** Every try of one deposit: which connection, what came of it, and why it went there. */
export function Attempts({ d }: { d: Deposit }) {
  const { t } = useTranslation('office-money');
  const newest = d.attempts.at(-1)?.n;
  const [shown, setShown] = useState<number | null>(newest ?? null);
  if (d.attempts.length === 0) return null;
  return (
    <Card title={t('d.chain')}>
      <ol className={classes.chain}>
        {d.attempts.map((a) => (
          <li key={a.n}>
            <div className={classes.head}>
              <strong>{t('d.attempt', { n: a.n })}</strong>
              <StatusChip kind="attempt" value={a.state} size="sm" />
              {a.failure_code && <Chip tone={a.soft_failure ? 'warn' : 'bad'} size="sm" label={t(a.soft_failure ? 'd.soft' : 'd.hard')} />}
            </div>
            <div className={classes.facts}>
              <span>
                <bdi>{a.connection}</bdi> · {methodName(a.method)} · <Money value={a.amount} />
              </span>
              <span className="qd-muted">
                {t('d.attemptBegan')} <When us={a.created_at_us} as="full" />
                {a.opened_at_us && (
                  <>
                    {' · '}
                    {t('d.attemptOpened')} <When us={a.opened_at_us} as="full" />
                  </>
                )}
                {a.ended_at_us && (
                  <>
                    {' · '}
                    {t('d.attemptEnded')} <When us={a.ended_at_us} as="full" />
                  </>
                )}
              </span>
              {a.failure_code && (
                <span>
                  {codeText(a.failure_code)} <bdi className="qd-mono qd-muted">{a.failure_code}</bdi>
                </span>
              )}
              {a.provider_ref && (
                <span className="qd-muted">
                  {t('providerRef')} <CopyId id={a.provider_ref} label={a.provider_ref.length > 28 ? `${a.provider_ref.slice(0, 14)}…${a.provider_ref.slice(-8)}` : a.provider_ref} />
                </span>
              )}
              {a.became && (
                <span>
                  {t('d.became')} <ObjectLink object={`deposit:${a.became}`} label={t('open')} />
                </span>
              )}
            </div>
            {a.route && (
              <div>
                <Button size="compact-sm" variant="subtle" aria-expanded={shown === a.n} onClick={() => setShown(shown === a.n ? null : a.n)}>
                  {t(shown === a.n ? 'd.whyHide' : 'd.whyHere')}
                </Button>
                {shown === a.n && <RouteWhy route={a.route as RouteView} id="deposit-route" />}
              </div>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}
