import { Button, Select, Skeleton } from '@mantine/core';
import { href, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ErrorState, Lots, Money, Page, Price, useSearchState, useZone, When } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useTypeNames } from '../../lib/Account';
import { isMonth, lastMonths, monthSpan, monthText } from '../../lib/months';
import { Review } from '../../lib/parts';
import classes from '../../lib/room.module.css';
import sheet from '../../lib/sheet.module.css';
import { allDeals, resultOf, sumsOf } from './deals';
import { useDealWords } from './DealsTab';

/** A month of one account: on the screen, and as a PDF to keep. */
export function AccountStatement() {
  const { t, i18n } = useTranslation(['trader-accounts', 'trader']);
  const { id } = useParams({ strict: false }) as { id: string };
  const { name, boot } = useSession();
  const { zone } = useZone();
  const [search, set] = useSearchState();
  const months = lastMonths(24, zone);
  const month = isMonth(search.month) ? search.month : months[0]!;
  const span = monthSpan(month, zone);
  const account = useApiQuery('/api/v1/me/accounts/{id}', { path: { id } });
  const deals = useQuery({ queryKey: ['statement', id, month, zone], queryFn: () => allDeals(id, span.from, span.until) });
  const typeName = useTypeNames();
  const words = useDealWords();
  const a = account.data;
  const title = t('trader-accounts:paper.title', { month: monthText(i18n.language, month) });
  const crumbs = [
    { label: t('trader-accounts:title'), to: '/accounts' },
    { label: a?.login ?? t('trader:account.one'), to: `/accounts/${id}?tab=deals` },
  ];
  const error = account.error ?? deals.error;
  if (error)
    return (
      <Page title={title} crumbs={crumbs}>
        <ErrorState error={error} onRetry={() => void Promise.all([account.refetch(), deals.refetch()])} />
      </Page>
    );
  const sums = deals.data ? sumsOf(deals.data) : null;
  const money = (minor: number, tone = false) => (a ? <Money value={{ minor, currency: a.currency }} tone={tone} /> : null);
  return (
    <Page
      title={title}
      crumbs={crumbs}
      width="wide"
      actions={
        <>
          <Button component="a" href={href('/api/v1/me/accounts/{id}/statement.pdf', { path: { id }, query: { from_us: span.from, until_us: span.until } })} download leftSection={<IconDownload size={16} aria-hidden />}>
            {t('trader-accounts:paper.pdf')}
          </Button>
          <Select aria-label={t('trader-accounts:month')} data={months.map((m) => ({ value: m, label: monthText(i18n.language, m) }))} value={month} onChange={(m) => set({ month: m }, { replace: true })} />
        </>
      }
    >
      {!a || !deals.data || !sums ? (
        <Skeleton height={400} radius="md" />
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
              <br />
              {t('trader:account.name', { type: typeName(a.account_type), login: a.login ?? '–' })} · {a.server}
            </div>
          </header>
          <Review
            items={[
              { label: t('trader-accounts:paper.paid_in'), value: money(sums.paidIn) },
              { label: t('trader-accounts:paper.paid_out'), value: money(sums.paidOut) },
              { label: t('trader-accounts:paper.trading'), value: money(sums.trading, true) },
              { label: t('trader-accounts:col.commission'), value: money(sums.commission) },
              { label: t('trader-accounts:col.swap'), value: money(sums.swap) },
              { label: t('trader-accounts:paper.change'), value: money(sums.paidIn + sums.paidOut + sums.trading + sums.commission + sums.swap, true), strong: true },
            ]}
          />
          {deals.data.length === 0 ? (
            <p className={classes.note}>{t('trader-accounts:paper.none')}</p>
          ) : (
            <div className={sheet.scroll} tabIndex={0} role="region" aria-label={t('trader-accounts:tab.deals')}>
              <table className={sheet.table}>
                <thead>
                  <tr>
                    {(['time', 'ticket', 'symbol', 'side', 'lots', 'price', 'commission', 'swap', 'result'] as const).map((c) => (
                      <th key={c} scope="col" data-number={['lots', 'price', 'commission', 'swap', 'result'].includes(c) || undefined}>
                        {t(`trader-accounts:col.${c}`)}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {deals.data.map((d) => (
                    <tr key={`${d.ticket}-${d.revision}`}>
                      <td>
                        <When us={d.at_us} as="full" />
                      </td>
                      <td>
                        <bdi>{d.ticket}</bdi>
                      </td>
                      <td>
                        <bdi>{d.symbol || '–'}</bdi>
                      </td>
                      <td>{words(d)}</td>
                      <td data-number>{d.kind === 'trade' ? <Lots value={d.volume} unit={false} /> : '–'}</td>
                      <td data-number>{d.kind === 'trade' ? <Price value={d.price} /> : '–'}</td>
                      <td data-number>
                        <Money value={{ minor: d.commission_minor, currency: d.currency }} bare />
                      </td>
                      <td data-number>
                        <Money value={{ minor: d.swap_minor, currency: d.currency }} bare />
                      </td>
                      <td data-number>
                        <Money value={{ minor: resultOf(d), currency: d.currency }} bare tone />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          <p className={classes.note}>{t('trader-accounts:paper.foot', { zone, currency: a.currency })}</p>
        </article>
      )}
    </Page>
  );
}
