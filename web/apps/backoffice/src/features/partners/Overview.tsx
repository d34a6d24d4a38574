import { Anchor, Stack } from '@mantine/core';
import { useApiQuery, type Answer } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Cards, Chart, Chip, CopyId, exponentOf, KeyValue, Lots, Money, moneyText, statusText, sumMoney, Value, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { Named, useNames } from '../../lib/names';
import { Chain, PartnerName } from './Chain';
import { lotsText } from './lots';

export type PartnerFile = Answer<'get', '/api/v1/partners/{id}'>;
const dayUs = 86_400_000_000;

/** What a call from the partner is about: money, place, plan. */
export function Overview({ file: f }: { file: PartnerFile }) {
  const { t } = useTranslation('office-partners');
  const money = useCan('commission.view');
  const p = f.partner;
  const name = useNames(f.tree.map((e) => e.made_by));
  return (
    <Stack>
      <Cards min="20rem">
        {money && <Earned id={p.id} />}
        <Card title={t('profile.title')}>
          <KeyValue
            items={[
              { label: t('col.email'), value: <bdi><Value mask="contact">{p.email}</Value></bdi> },
              { label: t('col.phone'), value: <bdi dir="ltr"><Value mask="contact">{p.phone}</Value></bdi> },
              { label: t('ownClient'), value: p.client_id ? <Anchor component={Link} to={`/clients/${p.client_id}` as never}>{t('openClient')}</Anchor> : t('noClient') },
              { label: t('col.entity'), value: p.entity },
              { label: t('col.currency'), value: p.currency },
              { label: t('col.method'), value: statusText('payout_method', p.payout_method) },
              { label: t('col.since'), value: <When us={p.created_at_us} as="full" /> },
              { label: t('col.id'), value: <CopyId id={p.id} /> },
            ]}
          />
        </Card>
        <Card title={t('plan.title')}>
          {f.plans.length === 0 ? (
            <p className="qd-muted">{t('plan.house')}</p>
          ) : (
            <KeyValue
              items={f.plans.map((h) => ({
                label: <><When us={h.from_at_us} as="date" /> – {h.to_at_us ? <When us={h.to_at_us} as="date" /> : t('open')}</>,
                value: <><PlanName id={h.plan_id} />{' '}{h.to_at_us === null && <Chip tone="good" label={t('now')} />}</>,
              }))}
            />
          )}
        </Card>
        <Card title={t('place.title')}>
          <p style={{ marginBlockStart: 0 }}><Chain id={p.id} last /></p>
          <KeyValue
            items={[...f.tree].reverse().map((e) => ({
              label: <><When us={e.from_at_us} as="date" /> – {e.to_at_us ? <When us={e.to_at_us} as="date" /> : t('now')}</>,
              value: (
                <>
                  {e.parent ? <>{t('place.below')} <PartnerName id={e.parent} /></> : t('topLevel')} · <span dir="auto">{e.reason === 'joined' ? t('place.joined') : e.reason}</span> · <Named id={e.made_by} name={e.made_by.startsWith('system') ? t('system') : name(e.made_by)} />
                </>
              ),
            }))}
          />
        </Card>
      </Cards>
    </Stack>
  );
}

export function PlanName({ id }: { id: string }) {
  const plan = useApiQuery('/api/v1/plans/{id}', { path: { id } }, { live: 'off' });
  return <Anchor component={Link} to={`/plans/${id}` as never} inherit><bdi>{plan.data?.plan.name ?? '…'}</bdi></Anchor>;
}

function Earned({ id }: { id: string }) {
  const { t, i18n } = useTranslation('office-partners');
  const summary = useApiQuery('/api/v1/partners/{id}/summary', { path: { id } });
  const s = summary.data;
  if (!s) return <Card title={t('money.title')}><p className="qd-muted">…</p></Card>;
  const currencies = [...new Set([...s.money.map((m) => m.currency), ...s.days.map((d) => d.currency)])];
  const last = s.days.reduce((max, d) => Math.max(max, d.day), Math.floor(Date.now() / 86_400_000));
  const days = Array.from({ length: 30 }, (_, at) => last - 29 + at);
  return (
    <>
      <Card title={t('money.title')}>
        {s.money.length === 0 && <p className="qd-muted">{t('money.none')}</p>}
        {s.money.map((m) => (
          <KeyValue
            key={m.currency}
            items={[
              { label: t('money.available'), value: <Money strong value={{ minor: m.available_minor, currency: m.currency }} /> },
              { label: t('money.payable'), value: <Money value={{ minor: m.payable_minor, currency: m.currency }} /> },
              { label: t('money.earned'), value: <Money value={{ minor: m.earned_minor, currency: m.currency }} /> },
              { label: t('money.paid'), value: <Money value={{ minor: m.paid_minor, currency: m.currency }} /> },
            ]}
          />
        ))}
        <KeyValue items={[{ label: t('tab.clients'), value: s.clients }]} />
      </Card>
      {currencies.map((currency) => {
        const mine = s.days.filter((d) => d.currency === currency);
        if (mine.length === 0) return null;
        const exponent = exponentOf(currency);
        const total = sumMoney(mine.map((d) => ({ minor: d.minor, currency })));
        const lots = mine.reduce((sum, d) => sum + BigInt(d.lots), 0n);
        return (
          <Card key={currency} title={t('money.days', { currency })}>
            <Chart
              label={t('money.days', { currency })}
              height={150}
              x={days.map((d) => d * dayUs)}
              series={[{ label: t('money.earned'), kind: 'bars', values: days.map((d) => Number(mine.find((m) => m.day === d)?.minor ?? 0) / 10 ** exponent) }]}
              format={(v) => moneyText(i18n.language, { minor: Math.round(v * 10 ** exponent), currency })}
            />
            <KeyValue
              items={[
                { label: t('money.thirty'), value: <Money value={total} /> },
                { label: t('col.deals'), value: mine.reduce((n, d) => n + d.deals, 0) },
                { label: t('col.lots'), value: <Lots value={lotsText(lots.toString())} /> },
              ]}
            />
          </Card>
        );
      })}
    </>
  );
}
