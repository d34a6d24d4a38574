import { Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, ErrorState, KeyValue, Money, Notice, When } from '@qd/ui';
import { whyNot } from '../closing/words';

/** What the partner may be paid now, and what the rest waits for. */
export function Payable({ id }: { id: string }) {
  const { t } = useTranslation(['office-engine', 'office-partners']);
  const all = useApiQuery('/api/v1/partners/{id}/payable', { path: { id } });
  if (all.error && !all.data) return <Card title={t('batch.payable')}><ErrorState error={all.error} onRetry={() => void all.refetch()} /></Card>;
  if (!all.data) return <Skeleton height={160} />;
  return (
    <>
      {all.data.items.map((f) => {
        const money = (minor: number) => <Money value={{ minor, currency: f.currency }} />;
        return (
          <Card key={f.currency} title={t('pay.title', { currency: f.currency })}>
            <KeyValue
              items={[
                { label: t('batch.balance'), value: money(f.balance_minor) },
                { label: t('pay.open'), value: f.open_minor === 0 ? null : money(f.open_minor), optional: true },
                { label: t('batch.held'), value: f.held_minor === 0 ? null : money(f.held_minor), optional: true },
                { label: t('batch.reserved'), value: f.reserved_minor === 0 ? null : money(f.reserved_minor), optional: true },
                { label: t('batch.underWay'), value: f.under_way_minor === 0 ? null : money(f.under_way_minor), optional: true },
                { label: t('batch.carried'), value: f.carried_minor === 0 ? null : money(f.carried_minor), optional: true },
                { label: t('batch.payable'), value: <Money strong value={{ minor: f.payable_minor, currency: f.currency }} /> },
                { label: t('pay.fee'), value: f.fee_minor === 0 ? null : <>{money(f.fee_minor)} · {f.fee_bearer === 'partner' ? t('pay.byPartner') : t('pay.byHouse')}</>, optional: true },
                { label: t('pay.tax'), value: f.tax_minor === 0 ? null : money(f.tax_minor), optional: true },
                { label: t('pay.arrives'), value: <Money strong value={{ minor: f.net_minor, currency: f.currency }} /> },
                { label: t('pay.minimum'), value: f.minimum_minor === 0 ? null : money(f.minimum_minor), optional: true },
              ]}
            />
            {f.reason && <Notice tone="info">{whyNot(f.reason)}</Notice>}
            {f.releases.length > 0 && <p className="qd-muted" style={{ marginBlockEnd: 0 }}>{t('pay.next')} <When us={f.releases[0]?.at_us ?? null} as="date" />: {money(f.releases[0]?.minor ?? 0)}</p>}
          </Card>
        );
      })}
    </>
  );
}
