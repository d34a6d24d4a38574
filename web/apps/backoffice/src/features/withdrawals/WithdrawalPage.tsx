import { Skeleton, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { CopyId, ErrorState, Page, StatusChip } from '@qd/ui';
import { useParams } from '@tanstack/react-router';
import { useNames } from '../../lib/names';
import { useDecision } from './Decision';
import { useWithdrawal, type Withdrawal } from './queries';
import { WithdrawalFile } from './WithdrawalFile';

export function WithdrawalPage() {
  const { t } = useTranslation('office-money');
  const { id } = useParams({ strict: false }) as { id: string };
  const record = useWithdrawal(id);
  if (record.data) return <Open key={id} w={record.data} waiting={record.waiting} onShow={() => void record.showNew()} />;
  return (
    <Page title={t('w.one')} crumbs={[{ label: t('w.title'), to: '/withdrawals' }]}>
      {record.error ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : (
        <Stack>
          <Skeleton height={160} />
          <Skeleton height={260} />
        </Stack>
      )}
    </Page>
  );
}

function Open({ w, waiting, onShow }: { w: Withdrawal; waiting: number; onShow: () => void }) {
  const { t } = useTranslation('office-money');
  const decision = useDecision(w);
  const name = useNames([w.client_id])(w.client_id);
  return (
    <Page
      title={name ? t('w.of', { name }) : t('w.one')}
      crumbs={[{ label: t('w.title'), to: '/withdrawals' }]}
      aside={
        <>
          <StatusChip kind="withdrawal" value={w.state} />
          <CopyId id={w.id} />
        </>
      }
      actions={decision.buttons}
    >
      <WithdrawalFile w={w} waiting={waiting} onShow={onShow} />
      {decision.dialogs}
    </Page>
  );
}
