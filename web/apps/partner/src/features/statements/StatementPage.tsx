import { Button } from '@mantine/core';
import { href, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Cards, CopyId, ErrorState, Figure, KeyValue, Money, Page, When } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { saveText } from '../../lib';

/** One closed statement: its sums, its hash, and the same lines as a file. */
export function StatementPage() {
  const { t } = useTranslation('partner');
  const { id } = useParams({ strict: false }) as { id: string };
  const one = useApiQuery('/api/v1/me/partner/statements/{id}', { path: { id } });
  if (one.error && !one.data) return <ErrorState error={one.error} onRetry={() => void one.refetch()} page />;
  if (!one.data) return <PageSkeleton />;
  const s = one.data.statement;
  const money = (minor: number) => <Money value={{ minor, currency: s.currency }} />;
  return (
    <Page
      title={t('statement.one', { number: s.number })}
      crumbs={[{ label: t('nav.statements'), to: '/statements' }]}
      actions={
        <>
          <Button component="a" href={href('/api/v1/me/partner/statements/{id}/pdf', { path: { id } })} download>{t('statement.pdf')}</Button>
          <Button component="a" variant="default" href={href('/api/v1/me/partner/statements/{id}/csv', { path: { id } })} download>{t('statement.csv')}</Button>
          <Button variant="default" onClick={() => saveText(one.data.content, `statement-${s.number}.json`)}>{t('statement.json')}</Button>
        </>
      }
    >
      <Cards min="12rem">
        <Card><Figure label={t('statement.opening')} value={money(s.opening_minor)} /></Card>
        <Card><Figure label={t('statement.lines')} value={money(s.lines_minor)} /></Card>
        <Card><Figure label={t('statement.adjustments')} value={money(s.adjustments_minor)} /></Card>
        <Card><Figure label={t('statement.payouts')} value={money(s.payouts_minor)} /></Card>
        <Card><Figure label={t('statement.closing')} value={money(s.closing_minor)} /></Card>
      </Cards>
      <Card title={t('statement.proof')}>
        <KeyValue
          items={[
            { label: t('statement.from'), value: <When us={s.period_from_us} as="full" /> },
            { label: t('statement.to'), value: <When us={s.period_to_us - 1} as="full" /> },
            { label: t('statement.closed'), value: <When us={s.closed_at_us} as="full" /> },
            { label: t('statement.hash'), value: <CopyId id={s.sha256} /> },
            { label: t('statement.id'), value: <CopyId id={s.id} /> },
          ]}
        />
        <p className="qd-muted">{t('statement.never')} {t('statement.jsonNote')}</p>
      </Card>
    </Page>
  );
}
