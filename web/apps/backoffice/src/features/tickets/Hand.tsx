import { Select } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ReasonDialog } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState } from 'react';

/** Gives the ticket to a colleague, a desk, or both; it counts as a hand-over. */
export function Hand({ id, opened, onClose, onDone }: { id: string; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation('office-tickets');
  const seesStaff = useCan('staff.view');
  const seesDesks = useCan('settings.view');
  const staff = useApiQuery('/api/v1/staff', opened && seesStaff ? { query: { active: true, limit: 100 } } : null);
  const desks = useApiQuery('/api/v1/desks', opened && seesDesks ? {} : null);
  const assign = useWrite('post', '/api/v1/tickets/{id}/assign');
  const [owner, setOwner] = useState<string | null>(null);
  const [desk, setDesk] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  return (
    <ReasonDialog
      opened={opened}
      onClose={onClose}
      title={t('handTitle')}
      text={t('handText')}
      confirm={t('hand')}
      note="optional"
      busy={assign.busy}
      error={failed}
      onConfirm={({ note }) => {
        assign.run({ path: { id }, body: { owner_id: owner, desk, reason: note } }).then(
          () => {
            setFailed(null);
            onDone();
          },
          (error: unknown) => setFailed(error),
        );
      }}
    >
      <Select label={t('col.owner')} clearable searchable data={(staff.data?.items ?? []).map((s) => ({ value: s.id, label: s.name }))} value={owner} onChange={setOwner} />
      <Select label={t('col.desk')} clearable data={(desks.data?.items ?? []).map((d) => ({ value: d.code, label: d.name }))} value={desk} onChange={setDesk} />
    </ReasonDialog>
  );
}
