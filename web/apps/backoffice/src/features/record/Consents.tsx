import { Skeleton } from '@mantine/core';
import { type Row, useApiQuery } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, ErrorState, When } from '@qd/ui';
import classes from './record.module.css';

export type Consent = Row<'/api/v1/clients/{id}/consents'>;

/** "Terms of business"; the house may ask for kinds of its own. */
export const consentKind = (kind: string): string => (hasText('office-record', `consent.kind.${kind}`) ? serverText('office-record', `consent.kind.${kind}`) : plain(kind));

export function ConsentState({ c }: { c: Consent }) {
  const { t } = useTranslation('office-record');
  return <Chip size="sm" tone={c.given && c.in_force ? 'good' : 'idle'} label={t(c.given ? 'consent.given' : 'consent.refused')} />;
}

/** What the client agreed to, in which wording, when and from where; what was said before stands below. */
export function Consents({ id }: { id: string }) {
  const { t } = useTranslation('office-record');
  const list = useApiQuery('/api/v1/clients/{id}/consents', { path: { id } });
  const all = list.data?.items ?? [];
  const before = all.filter((c) => !c.in_force);
  const rows = (some: readonly Consent[]) => (
    <ul className={classes.consents}>
      {some.map((c) => (
        <li key={`${c.kind}${c.at_us}${c.version}`}>
          <span>
            {consentKind(c.kind)} <ConsentState c={c} />
          </span>
          <small>
            {t('consent.version')} <bdi dir="ltr">{c.version}</bdi> · <When us={c.at_us} />
            {c.ip && (
              <>
                {' '}
                · <bdi dir="ltr">{c.ip}</bdi>
              </>
            )}
          </small>
        </li>
      ))}
    </ul>
  );
  return (
    <Card title={t('consent.title')}>
      {list.isPending && <Skeleton height={60} />}
      {list.error && !list.data && <ErrorState error={list.error} onRetry={() => void list.refetch()} retrying={list.isFetching} />}
      {list.data && all.length === 0 && <p className="qd-muted">{t('consent.none')}</p>}
      {all.length > 0 && rows(all.filter((c) => c.in_force))}
      {before.length > 0 && (
        <details>
          <summary>{t('consent.before', { count: before.length })}</summary>
          {rows(before)}
        </details>
      )}
    </Card>
  );
}
