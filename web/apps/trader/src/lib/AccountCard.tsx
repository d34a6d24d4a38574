import { useTranslation } from '@qd/i18n';
import { Chip, Money, StatusChip, When } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useTypeNames } from './Account';
import type { Account } from './queries';
import classes from './room.module.css';
import { Waiting } from './Steps';

/** One account with the figures the platform gave, and when it gave them. */
export function AccountCard({ account: a }: { account: Account }) {
  const { t } = useTranslation('trader');
  const typeName = useTypeNames();
  const r = a.reading;
  const money = (minor: number) => <Money value={{ minor, currency: a.currency }} />;
  return (
    <Link to={`/accounts/${a.id}`} className={classes.account}>
      <div className={classes.accountHead}>
        <span className={classes.accountName}>
          {typeName(a.account_type)} {a.login && <bdi className="qd-num">{a.login}</bdi>}
        </span>
        {a.state === 'ready' ? (
          <Chip tone={a.kind === 'live' ? 'good' : 'idle'} label={t(`account.kind.${a.kind}`)} size="sm" />
        ) : (
          <StatusChip kind="account" value={a.state} size="sm" />
        )}
      </div>
      {a.state === 'requested' || a.state === 'opening' ? (
        <p className={classes.note}>
          {t('account.being_opened')} · <Waiting seconds={a.sync.waiting_s ?? 0} />
        </p>
      ) : a.state === 'failed' ? (
        <p className={classes.note}>{t('account.not_opened')}</p>
      ) : r ? (
        <>
          <div>
            <div className={classes.big}>{money(r.equity_minor)}</div>
            <p className={classes.note}>{t('account.equity')}</p>
          </div>
          <dl className={classes.facts}>
            <div>
              <dt>{t('account.balance')}</dt>
              <dd>{money(r.balance_minor)}</dd>
            </div>
            <div>
              <dt>{t('account.free_margin')}</dt>
              <dd>{money(r.free_margin_minor)}</dd>
            </div>
            <div>
              <dt>{t('account.leverage')}</dt>
              <dd>
                <bdi dir="ltr" className="qd-num">
                  1:{a.leverage}
                </bdi>
              </dd>
            </div>
            <div>
              <dt>{t('account.server')}</dt>
              <dd>
                <bdi>{a.server}</bdi>
              </dd>
            </div>
          </dl>
          <p className={classes.note}>
            {t('account.read')} <When us={r.read_at_us} />
          </p>
        </>
      ) : (
        <p className={classes.note}>{t('account.no_reading')}</p>
      )}
      {a.rights !== 'full' && a.state === 'ready' && <Chip tone="warn" label={t(`account.rights.${a.rights}`)} size="sm" />}
    </Link>
  );
}
