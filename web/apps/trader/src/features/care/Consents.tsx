import { Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, ErrorState, When } from '@qd/ui';

/** What I agreed to, as it stands now. */
export function Consents() {
  const { t } = useTranslation('trader-care');
  const list = useApiQuery('/api/v1/me/consents');
  const all = (list.data?.items ?? []).filter((c) => c.in_force);
  const name = (kind: string) => (hasText('trader-care', `consent.kind.${kind}`) ? serverText('trader-care', `consent.kind.${kind}`) : plain(kind));
  return (
    <Card title={t('consent.title')}>
      {list.isPending && <Skeleton height={48} />}
      {list.error && !list.data && <ErrorState error={list.error} onRetry={() => void list.refetch()} retrying={list.isFetching} />}
      {list.data && all.length === 0 && <p className="qd-muted">{t('consent.none')}</p>}
      {all.map((c) => (
        <div key={c.kind}>
          <strong>{name(c.kind)}</strong> <Chip size="sm" tone={c.given ? 'good' : 'idle'} label={t(c.given ? 'consent.given' : 'consent.refused')} />
          <br />
          <small className="qd-muted">
            <When us={c.at_us} as="full" /> · {t('consent.version')} <bdi dir="ltr">{c.version}</bdi>
          </small>
        </div>
      ))}
      {all.some((c) => c.kind.startsWith('marketing') && c.given) && <p className="qd-muted">{t('consent.take_back')}</p>}
    </Card>
  );
}
