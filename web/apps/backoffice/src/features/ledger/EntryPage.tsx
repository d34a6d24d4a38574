import { Anchor, Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, ErrorState, KeyValue, Money, Page, When } from '@qd/ui';
import { Link, useParams } from '@tanstack/react-router';
import { useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { objectOf } from './Statement';
import { entryText, ownerText, purposeText } from './words';
import classes from './entry.module.css';

/** One entry of the books with all its legs: per currency they sum to zero. */
export function EntryPage() {
  const { t } = useTranslation('office-money');
  const { id } = useParams({ strict: false }) as { id: string };
  const record = useApiQuery('/api/v1/ledger/entries/{id}', { path: { id } });
  const e = record.data;
  const name = useNames((e?.legs ?? []).map((l) => l.account.owner.split(':')[1]));
  return (
    <Page title={e ? entryText(e.kind) : t('l.entry')} crumbs={[{ label: t('l.title'), to: '/ledger' }]} aside={<CopyId id={id} />} width="wide">
      {record.error && !e ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : !e ? (
        <Skeleton height={240} />
      ) : (
        <>
          <Card title={t('l.entry')}>
            <KeyValue
              items={[
                { label: t('l.source'), value: <ObjectLink object={objectOf(e)} /> },
                { label: t('l.sourceText'), value: <CopyId id={e.source} full /> },
                { label: t('l.reference'), value: <CopyId id={e.reference} full /> },
                { label: t('l.booked'), value: <When us={e.booked_at_us} as="full" /> },
                { label: t('l.value'), value: <When us={e.value_at_us} as="full" /> },
                { label: t('l.note'), value: e.note ? <span dir="auto">{e.note}</span> : null, optional: true },
                { label: t('l.rate'), value: e.fx ? <bdi dir="ltr">{`${e.fx.rate} · ${e.fx.source}`}</bdi> : null, optional: true },
                { label: t('l.reverses'), value: e.reverses ? <Link to={`/ledger/entries/${e.reverses}` as never}>{t('open')}</Link> : null, optional: true },
              ]}
            />
          </Card>
          <Card title={t('l.legs')}>
            <table className={classes.legs}>
              <thead>
                <tr>
                  <th scope="col">{t('l.account')}</th>
                  <th scope="col">{t('l.purpose')}</th>
                  <th scope="col" className={classes.number}>
                    {t('amount')}
                  </th>
                </tr>
              </thead>
              <tbody>
                {e.legs.map((l, at) => (
                  <tr key={at}>
                    <td>
                      <Anchor component={Link} inherit to={'/ledger' as never} search={{ owner: l.account.owner, purpose: l.account.purpose, currency: l.account.currency } as never}>
                        {ownerText(l.account.owner, name(l.account.owner.split(':')[1]))}
                      </Anchor>
                    </td>
                    <td>{purposeText(l.account.purpose)}</td>
                    <td className={classes.number}>
                      <Money value={{ minor: l.minor, currency: l.account.currency }} signed />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <p className="qd-muted" style={{ margin: 0 }}>
              {t('l.never')}
            </p>
          </Card>
        </>
      )}
    </Page>
  );
}
