import { Button, Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card, ErrorState, Money } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import type { useWallet } from '../../lib/queries';
import classes from '../../lib/room.module.css';

/** What is in the wallet by currency, and what of it is promised or between two places. */
export function WalletCard({ wallet, actions }: { wallet: ReturnType<typeof useWallet>; /** Offers what to do with it. */ actions?: boolean }) {
  const { t } = useTranslation('trader');
  return (
    <Card title={t('wallet')}>
      {wallet.error && !wallet.data ? (
        <ErrorState error={wallet.error} onRetry={() => void wallet.refetch()} />
      ) : !wallet.data ? (
        <Skeleton height={64} radius="md" aria-label={t('home.loading')} />
      ) : wallet.data.items.length === 0 ? (
        <p className={classes.note}>{t('home.wallet_empty')}</p>
      ) : (
        <div className={classes.accounts}>
          {wallet.data.items.map((w) => {
            const money = (minor: number) => <Money value={{ minor, currency: w.currency }} />;
            const parts = [
              ['home.held', w.held_minor],
              ['home.on_its_way', w.on_its_way_minor],
              ['home.paying_out', w.paying_out_minor],
            ] as const;
            return (
              <div key={w.currency}>
                <div className={classes.big}>{money(w.available_minor)}</div>
                <p className={classes.note}>{t('home.available')}</p>
                {parts.some(([, minor]) => minor !== 0) && (
                  <dl className={classes.facts}>
                    {parts.map(([key, minor]) =>
                      minor !== 0 ? (
                        <div key={key}>
                          <dt>{t(key)}</dt>
                          <dd>{money(minor)}</dd>
                        </div>
                      ) : null,
                    )}
                  </dl>
                )}
              </div>
            );
          })}
        </div>
      )}
      {actions && (
        <div className={classes.quick}>
          <Button component={Link} to="/withdraw" variant="default">
            {t('nav.withdraw')}
          </Button>
          <Button component={Link} to="/transfer" variant="default">
            {t('nav.transfer')}
          </Button>
        </div>
      )}
    </Card>
  );
}
