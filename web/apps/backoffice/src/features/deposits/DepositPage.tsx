import { Skeleton } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { CopyId, ErrorState, Page, StatusChip } from '@qd/ui';
import { useParams } from '@tanstack/react-router';
import { useNames } from '../../lib/names';
import { DepositFile, useDeposit, useRelease } from './DepositFile';
import type { Deposit } from './DepositsPage';

export function DepositPage() {
  const { t } = useTranslation('office-money');
  const { id } = useParams({ strict: false }) as { id: string };
  const record = useDeposit(id);
  if (record.data) return <Open key={id} d={record.data} waiting={record.waiting} onShow={() => void record.showNew()} />;
  return (
    <Page title={t('d.deposit')} crumbs={[{ label: t('d.title'), to: '/deposits' }]}>
      {record.error ? <ErrorState error={record.error} onRetry={() => void record.refetch()} /> : <Skeleton height={300} />}
    </Page>
  );
}

function Open({ d, waiting, onShow }: { d: Deposit; waiting: number; onShow: () => void }) {
  const { t } = useTranslation('office-money');
  const release = useRelease(d);
  const name = useNames([d.client_id])(d.client_id);
  return (
    <Page
      title={name ? t('d.of', { name }) : t('d.deposit')}
      crumbs={[{ label: t('d.title'), to: '/deposits' }]}
      aside={
        <>
          <StatusChip kind="deposit" value={d.state} />
          <CopyId id={d.id} />
        </>
      }
      actions={release.buttons}
    >
      <DepositFile d={d} waiting={waiting} onShow={onShow} />
      {release.dialogs}
    </Page>
  );
}
