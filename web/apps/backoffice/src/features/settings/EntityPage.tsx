import { Button, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { country, languageName, list, useTranslation } from '@qd/i18n';
import { Card, Cards, ErrorState, KeyValue, Money, Page, stepText, useSearchState } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { EntityEditor } from './EntityEditor';
import { wordOf } from './words';
import { KindHistory } from './KindHistory';

export type Entity = Schema<'Entity'>;

/** One licence's rule book, readable; what differs by licence is here and nowhere in the program. */
export function EntityPage() {
  const { t, i18n } = useTranslation('office-house');
  const { code } = useParams({ strict: false }) as { code: string };
  const [search, set] = useSearchState();
  const may = useCan('entities.edit');
  const one = useApiQuery('/api/v1/entities/{code}', { path: { code } });
  const e = one.data;
  const lang = i18n.language;
  const crumbs = [{ label: t('settings.title'), to: '/settings' }];
  if (one.error && !e) return <Page title={code} crumbs={crumbs}><ErrorState error={one.error} onRetry={() => void one.refetch()} /></Page>;
  if (!e) return <Page title={code} crumbs={crumbs}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  if (search.edit === '1' && may) return <EntityEditor key={e.version} entity={e} onClose={() => set({ edit: null })} onSaved={() => { set({ edit: null }); void one.refetch(); }} />;
  const c = e.config;
  const money = (minor: number) => <Money value={{ minor, currency: e.base_currency }} />;
  const countries = (codes: readonly string[] | undefined) => (codes && codes.length > 0 ? list(lang, codes.map((x) => country(lang, x))) : t('none'));
  const documents = (rules: readonly Schema<'DocumentRule'>[]) =>
    rules.map((d) => ({
      label: stepText(`document.${d.code}`),
      value: (
        <>
          {list(lang, d.kinds.map((k) => wordOf('kind', k)), 'disjunction')}
          {d.max_age_days ? ` · ${t('entity.notOlder', { count: d.max_age_days })}` : ''}
          {d.over_deposits_minor ? <> · {t('entity.over')} {money(d.over_deposits_minor)}</> : null}
        </>
      ),
    }));
  return (
    <Page title={e.name} crumbs={crumbs} text={[e.code, e.regulator, country(lang, e.country), t('versionN', { version: e.version })].join(' · ')} actions={may ? <Button onClick={() => set({ edit: '1' })}>{t('change')}</Button> : null}>
      <Stack>
        <Cards min="24rem">
          <Card title={t('entity.withdrawals')}>
            <KeyValue
              items={[
                { label: t('entity.min'), value: money(c.withdrawals.min_minor) },
                { label: t('entity.autoMax'), value: money(c.withdrawals.auto_max_minor) },
                { label: t('entity.twoPeople'), value: money(c.withdrawals.two_people_over_minor) },
                { label: t('entity.reviewHours'), value: t('entity.hours', { count: c.withdrawals.review_hours }) },
                { label: t('entity.toSource'), value: c.withdrawals.return_to_source ? t('yes') : t('no') },
              ]}
            />
          </Card>
          <Card title={t('entity.deposits')}>
            <KeyValue
              items={[
                { label: t('entity.min'), value: money(c.deposits.min_minor) },
                { label: t('entity.max'), value: money(c.deposits.max_minor) },
                { label: t('entity.beforeVerified'), value: c.deposits.before_verified_minor > 0 ? <>{money(c.deposits.before_verified_minor)} · {t('entity.days', { count: c.deposits.before_verified_days })}</> : t('none') },
                { label: t('entity.currencies'), value: c.currencies.join(' · ') },
                { label: t('entity.methods'), value: c.methods.map((m) => `${wordOf('method', m.code)} (${m.connection})`).join(' · ') },
              ]}
            />
          </Card>
          <Card title={t('entity.documents')}>
            <KeyValue items={documents(c.documents.default)} />
            {Object.entries(c.documents.by_country ?? {}).map(([where, rules]) => (
              <div key={where}>
                <h3>{t('entity.documentsOf', { country: country(lang, where) })}</h3>
                <KeyValue items={documents(rules)} />
              </div>
            ))}
            <KeyValue
              items={[
                { label: t('entity.daysLeft'), value: t('entity.days', { count: c.documents.min_days_left }) },
                { label: t('entity.refresh'), value: t('entity.days', { count: c.documents.refresh_days }) },
              ]}
            />
          </Card>
          <Card title={t('entity.countries')}>
            <KeyValue
              items={[
                { label: t('entity.notServed'), value: countries(c.countries.not_served) },
                { label: t('entity.enhanced'), value: countries(c.countries.enhanced) },
                { label: t('entity.highRisk'), value: countries(c.countries.high_risk) },
              ]}
            />
          </Card>
          <Card title={t('entity.accounts')}>
            <KeyValue
              items={[
                ...c.accounts.map((a) => ({ label: <bdi>{a.name}</bdi>, value: <bdi>{[t('entity.leverage', { n: a.default_leverage }), a.server, Object.keys(a.groups).join(' / ')].join(' · ')}</bdi> })),
                { label: t('entity.retail'), value: t('entity.leverage', { n: c.leverage.retail_max }) },
                { label: t('entity.professional'), value: t('entity.leverage', { n: c.leverage.professional_max }) },
                ...Object.entries(c.leverage.by_country ?? {}).map(([where, n]) => ({ label: country(lang, where), value: t('entity.leverage', { n }) })),
              ]}
            />
          </Card>
          <Card title={t('entity.other')}>
            <KeyValue
              items={[
                { label: t('languages'), value: list(lang, c.languages.map((l) => languageName(lang, l))) },
                { label: t('entity.base'), value: e.base_currency },
                { label: t('entity.minAge'), value: t('entity.years', { count: c.profile.min_age_years }) },
                { label: t('entity.fileYears'), value: t('entity.years', { count: c.retention.client_file_years }) },
                { label: t('entity.talkYears'), value: t('entity.years', { count: c.retention.communications_years }) },
                { label: t('entity.test'), value: c.appropriateness ? t('entity.testOf', { count: c.appropriateness.questions.length }) : t('none') },
              ]}
            />
          </Card>
        </Cards>
        <Card title={t('history')}><KindHistory kind="entity" code={code} /></Card>
      </Stack>
    </Page>
  );
}
