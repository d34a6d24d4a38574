import { Skeleton, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Drawer, ErrorState, StatusChip } from '@qd/ui';
import type { ReactNode } from 'react';
import { useDecision } from './Decision';
import { useWithdrawal, type Withdrawal } from './queries';
import { WithdrawalFile } from './WithdrawalFile';

interface Props {
  id: string | undefined;
  title: ReactNode;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
  onFullPage: () => void;
}

/** A withdrawal beside the list: decided here without leaving the queue. */
export function WithdrawalPeek({ id, ...drawer }: Props) {
  const record = useWithdrawal(id);
  const w = record.data;
  if (id && w) return <Open key={w.id} w={w} waiting={record.waiting} onShow={() => void record.showNew()} {...drawer} />;
  return (
    <Drawer opened={!!id} size="lg" {...drawer}>
      {record.error ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : (
        <Stack>
          <Skeleton height={20} width="50%" />
          <Skeleton height={220} />
        </Stack>
      )}
    </Drawer>
  );
}

function Open({ w, waiting, onShow, ...drawer }: { w: Withdrawal; waiting: number; onShow: () => void } & Omit<Props, 'id'>) {
  useTranslation('office-money');
  const decision = useDecision(w);
  return (
    <Drawer opened size="lg" {...drawer} aside={<StatusChip kind="withdrawal" value={w.state} />} footer={decision.buttons}>
      <WithdrawalFile w={w} waiting={waiting} onShow={onShow} narrow />
      {decision.dialogs}
    </Drawer>
  );
}
