import { Button, Skeleton, TextInput } from '@mantine/core';
import { useApiQuery, type components } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, EmptyState, ErrorState, Money, Notice, statusText, useSearchState, When } from '@qd/ui';
import { Fragment } from 'react';

type Standing = components['schemas']['MoneyPosition'];
type At = components['schemas']['MoneyAt'];

/** A moment in UTC as the field of a form has it -> microseconds since 1970. */
const microseconds = (field: string): string | undefined => {
  const ms = Date.parse(`${field}:00Z`);
  return Number.isNaN(ms) ? undefined : `${ms}000`;
};

/** Where every unit of client money is, by entity and currency, now or at a moment. */
export function Position() {
  const { t } = useTranslation('office-recon');
  const [search, set] = useSearchState();
  const at = search.at ?? '';
  const position = useApiQuery('/api/v1/reconciliation/position', { query: { as_of: at ? microseconds(at) : undefined } });
  const p = position.data;
  return (
    <>
      <Card>
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: '0.75rem', alignItems: 'end' }}>
          <TextInput type="datetime-local" label={t('asOf')} value={at} max="2999-12-31T23:59" onChange={(e) => set({ at: e.currentTarget.value }, { replace: true })} />
          <Button variant="default" onClick={() => (at ? set({ at: null }) : void position.refetch())} loading={position.isFetching}>
            {at ? t('backToNow') : t('again')}
          </Button>
          {p && (
            <span>
              {t('bookedBefore')} <When us={p.as_of_us} as="full" />
            </span>
          )}
          {p && <Chip tone={p.balanced ? 'good' : 'bad'} label={p.balanced ? t('balanced') : t('unbalanced')} />}
        </div>
      </Card>
      {p && !p.balanced && <Notice tone="bad" title={t('unbalanced')}>{t('unbalancedText')}</Notice>}
      {position.error && !p ? (
        <ErrorState error={position.error} onRetry={() => void position.refetch()} />
      ) : !p ? (
        <Skeleton height={240} />
      ) : p.positions.length === 0 ? (
        <EmptyState title={t('noMoney')} text={t('noMoneyText')} />
      ) : (
        <div role="region" aria-label={t('tab.position')} tabIndex={0}>
          <Cards min="24rem">
            {p.positions.map((one) => (
              <One key={`${one.entity}-${one.currency}`} of={one} />
            ))}
          </Cards>
        </div>
      )}
    </>
  );
}

function One({ of }: { of: Standing }) {
  const { t } = useTranslation('office-recon');
  const money = (minor: number) => ({ minor, currency: of.currency });
  const held = of.places.filter((a) => a.place === 'provider' || a.place === 'bank');
  const house = of.places.filter((a) => a.place === 'house');
  const owed = of.places.filter((a) => !held.includes(a) && !house.includes(a));
  const part = (title: string, sum: number, places: readonly At[], sign: 1 | -1) => (
    <section>
      <h3 style={{ margin: '0 0 0.25rem', display: 'flex', justifyContent: 'space-between', gap: '0.75rem', fontSize: '0.95rem' }}>
        <span>{title}</span>
        <Money value={money(sum)} strong />
      </h3>
      <dl style={{ margin: 0, display: 'grid', gridTemplateColumns: '1fr auto', gap: '0.3rem 0.75rem' }}>
        {places
          .filter((a) => a.minor !== 0)
          .map((a) => (
            <Fragment key={`${a.purpose}-${a.party}`}>
              <dt className="qd-muted"><PlaceName of={a} /></dt>
              <dd style={{ margin: 0, textAlign: 'end' }}><Money value={money(sign * a.minor)} /></dd>
            </Fragment>
          ))}
      </dl>
    </section>
  );
  return (
    <Card
      title={<bdi>{`${of.entity ? of.entity.toUpperCase() : t('nobodys')} · ${of.currency}`}</bdi>}
      actions={<Chip size="sm" tone={of.difference_minor === 0 ? 'good' : 'bad'} label={of.difference_minor === 0 ? t('adds') : t('addsNot')} />}
    >
      {part(t('owed'), of.client_minor, owed, 1)}
      {part(t('held'), of.resource_minor, held, -1)}
      {part(t('house'), of.house_minor, house, 1)}
      {of.difference_minor !== 0 && (
        <Notice tone="bad" title={t('lost')}>
          <Money value={money(of.difference_minor)} signed strong />
        </Notice>
      )}
    </Card>
  );
}

function PlaceName({ of }: { of: At }) {
  const { t } = useTranslation('office-recon');
  if (of.place === 'house') return <>{statusText('purpose', of.purpose)}</>;
  return of.party ? <bdi>{of.party}</bdi> : <>{t(`place.${of.place}`)}</>;
}
