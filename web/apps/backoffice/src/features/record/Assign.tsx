import { Select } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ReasonDialog, say } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState } from 'react';
import type { ClientRecord } from './Overview';

/** Gives the client to a colleague, a desk, or both, or back to nobody. */
export function Assign({ c, onClose, onDone }: { c: ClientRecord['client']; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation('office-record');
  const seesStaff = useCan('staff.view');
  const seesDesks = useCan('settings.view');
  const staff = useApiQuery('/api/v1/staff', seesStaff ? { query: { active: true, limit: 200 } } : null);
  const desks = useApiQuery('/api/v1/desks', seesDesks ? {} : null);
  const assign = useWrite('post', '/api/v1/clients/{id}/assign');
  const [owner, setOwner] = useState<string | null>(c.owner_id);
  const [desk, setDesk] = useState<string | null>(c.desk);
  const people = (staff.data?.items ?? []).map((s) => ({ value: s.id as string, label: s.name }));
  // Whose it is now stays in the list, also when that person has left.
  if (c.owner_id && c.owner_name && !people.some((p) => p.value === c.owner_id)) people.push({ value: c.owner_id, label: c.owner_name });
  return (
    <ReasonDialog
      opened
      onClose={onClose}
      title={t('assign.title')}
      text={t('assign.text')}
      confirm={t('assign.do')}
      busy={assign.busy}
      error={assign.error}
      onConfirm={({ note }) => {
        assign.run({ path: { id: c.id }, body: { owner_id: owner, desk, reason: note } }).then(
          () => {
            say(t('assign.done'));
            onDone();
          },
          () => {
            // Shown by the dialog.
          },
        );
      }}
    >
      <Select label={t('assign.owner')} placeholder={t('assign.nobody')} clearable searchable data={people} value={owner} onChange={setOwner} />
      {seesDesks && <Select label={t('assign.desk')} placeholder={t('assign.noDesk')} clearable data={(desks.data?.items ?? []).map((d) => ({ value: d.code, label: d.name }))} value={desk} onChange={setDesk} />}
    </ReasonDialog>
  );
}
