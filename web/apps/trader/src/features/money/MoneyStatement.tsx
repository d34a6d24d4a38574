import { Button, Select, Skeleton } from '@mantine/core';
import { href } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ErrorState, Money, Page, statusText, useSearchState, useZone, When } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { IconDownload } from '@tabler/icons-react';
import { isMonth, lastMonths, monthSpan, monthText } from '../../lib/months';
import { Review, useOperationNote } from '../../lib/parts';
import { useOperations, useWallet } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import sheet from '../../lib/sheet.module.css';
import { matching, totalsOf } from './history';

/** A month of money in and out; the wallet's own statement as PDF. */
export function MoneyStatement() {
  const { t, i18n } = useTranslation(['trader-money', 'trader']);
  const { name, boot } = useSession();
  const { zone } = useZone();
  const [search, set] = useSearchState();
  const months = lastMonths(24, zone);
  const month = isMonth(search.month) ? search.month : months[0]!;
  const span = monthSpan(month, zone);
  const wallet = useWallet();
  const operations = useOperations(true);
  const note = useOperationNote();
  const rows = matching(operations.rows, { month }, zone).reverse();
  const totals = totalsOf(rows);
  const title = t('trader-money:paper.title', { month: monthText(i18n.language, month) });
  return (
    <Page
      title={title}
      crumbs={[{ label: t('trader:nav.history'), to: '/history' }]}
      width="wide"
      actions={
        <>
          {(wallet.data?.items ?? []).map((w) => (
            <Button
              key={w.currency}
              component="a"
              href={href('/api/v1/me/wallet/{currency}/statement.pdf', { path: { currency: w.currency }, query: { from_us: span.from, until_us: span.until } })}
              download
              leftSection={<IconDownload size={16} aria-hidden />}
            >
              {t('trader-money:paper.wallet', { currency: w.currency })}
            </Button>
          ))}
          <Select aria-label={t('trader-money:history.month')} data={months.map((m) => ({ value: m, label: monthText(i18n.language, m) }))} value={month} onChange={(m) => set({ month: m }, { replace: true })} />
        </>
      }
    >
      {operations.error ? (
        <ErrorState error={operations.error} onRetry={operations.retry} />
      ) : operations.loading ? (
        <Skeleton height={320} radius="md" />
      ) : (
        <article className={sheet.sheet}>
          <header className={sheet.head}>
            <div>
              <strong>{boot?.brand.name}</strong>
              <br />
              {boot?.entity.name}
            </div>
            <div className={sheet.end}>
              <bdi>{name}</bdi>
            </div>
          </header>
          <Review
            items={totals.flatMap((x) => [
              { label: t('trader-money:history.in'), value: <Money value={{ minor: x.in.toString(), currency: x.currency }} /> },
              { label: t('trader-money:history.out'), value: <Money value={{ minor: x.out.toString(), currency: x.currency }} /> },
            ])}
          />
          {rows.length === 0 ? (
            <p className={classes.note}>{t('trader-money:paper.none')}</p>
          ) : (
            <div className={sheet.scroll} tabIndex={0} role="region" aria-label={title}>
              <table className={sheet.table}>
                <thead>
                  <tr>
                    <th scope="col">{t('trader-money:started')}</th>
                    <th scope="col">{t('trader-money:history.kind')}</th>
                    <th scope="col">{t('trader-money:paper.way')}</th>
                    <th scope="col">{t('trader-money:history.state')}</th>
                    <th scope="col" data-number>
                      {t('trader-money:amount')}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((o) => (
                    <tr key={o.id}>
                      <td>
                        <When us={o.at} as="full" />
                      </td>
                      <td>{t(`trader:op.${o.kind}`)}</td>
                      <td>{note(o)}</td>
                      <td>{statusText(o.kind, o.state, 'client')}</td>
                      <td data-number>
                        <Money value={o.amount} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          <p className={classes.note}>{t('trader-money:paper.foot', { zone })}</p>
        </article>
      )}
    </Page>
  );
}
