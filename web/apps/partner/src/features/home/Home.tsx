import { Anchor, Button, Stack } from '@mantine/core';
import { useCursorPages } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chart, EmptyState, ErrorState, Figure, Lots, Money, Notice, Page, StatusChip, exponentOf } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { lotsText, months, usePartner } from '../../lib';
import { LinesTable } from '../lines/LinesTable';
import { Balance } from './Balance';
import { Tiers } from './Tiers';

const DAY_US = 86_400_000_000;

/** What I have earned, what is payable, how the days went, and the newest lines with their why. */
export function Home() {
  const { t, i18n } = useTranslation('partner');
  const mine = usePartner();
  const lines = useCursorPages('/api/v1/me/partner/lines', { query: { limit: 10 } });
  const days = useMemo(() => [...(mine.data?.summary.days ?? [])].sort((a, b) => a.day - b.day), [mine.data]);
  if (mine.error && !mine.data) {
    // Not a partner, or not yet: say so and where to ask.
    if (mine.error.status === 404 || mine.error.status === 403)
      return (
        <Page title={t('portal')}>
          <EmptyState title={t('none.title')} text={t('none.text')} action={<Button component="a" href="/partnership">{t('none.apply')}</Button>} />
        </Page>
      );
    return <ErrorState error={mine.error} onRetry={() => void mine.refetch()} page />;
  }
  if (!mine.data) return <PageSkeleton />;
  const { partner, summary } = mine.data;
  const currency = partner.currency;
  const shownDays = days.filter((d) => d.currency === currency);
  const { current } = months(new Date());
  const lotsOf = (here: boolean) => lotsText(summary.days.filter((d) => d.day >= current === here).reduce((sum, d) => sum + d.lots, 0));
  return (
    <Page title={t('home.title', { name: partner.name })} aside={<StatusChip kind="partner" value={partner.state} />}>
      <Stack>
        {partner.state === 'applied' && <Notice tone="info">{t('home.applied')}</Notice>}
        {partner.state === 'suspended' && <Notice tone="warn">{t('home.suspended')}</Notice>}
        <Cards min="13rem">
          {summary.money.length === 0 && <Card><Figure label={t('home.payable')} value={<Money value={{ minor: 0, currency }} />} /></Card>}
          {summary.money.map((m) => (
            <Card key={m.currency}>
              <Figure label={t('home.payable')} value={<Money value={{ minor: m.payable_minor, currency: m.currency }} />} note={t('home.payableNote')} />
            </Card>
          ))}
          {summary.money.map((m) => (
            <Card key={`${m.currency}-all`}>
              <Figure label={t('home.earned')} value={<Money value={{ minor: m.earned_minor, currency: m.currency }} />} note={<>{t('home.paid')} <Money value={{ minor: m.paid_minor, currency: m.currency }} /></>} />
            </Card>
          ))}
          <Card><Figure label={t('home.clients')} value={number(i18n.language, summary.clients)} note={<Anchor component={Link} to="/clients">{t('home.toClients')}</Anchor>} /></Card>
          <Card><Figure label={t('home.volume')} value={<Lots value={lotsOf(true)} />} note={<>{t('home.volumeNote')} <Lots value={lotsOf(false)} /></>} /></Card>
        </Cards>
        <Cards min="24rem">
          <Balance />
          <Tiers />
        </Cards>
        {shownDays.length > 1 && (
          <Card title={t('home.chart', { currency })}>
            <Chart
              label={t('home.chart', { currency })}
              x={shownDays.map((d) => d.day * DAY_US)}
              series={[{ label: t('home.earned'), values: shownDays.map((d) => d.minor / 10 ** exponentOf(currency)), kind: 'bars' }]}
              format={(v) => number(i18n.language, v, { maximumFractionDigits: 2 })}
            />
          </Card>
        )}
        <Card title={t('home.last')} actions={<Anchor component={Link} to="/lines">{t('home.all')}</Anchor>} flush>
          <LinesTable list={lines} id="home-lines" inline />
        </Card>
      </Stack>
    </Page>
  );
}
