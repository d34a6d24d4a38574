import { Checkbox, Select } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ReasonDialog, say, statusText } from '@qd/ui';
import { useState } from 'react';

const kinds: readonly Schema<'RestrictionKind'>[] = ['withdrawals', 'deposits', 'trading', 'sign_in', 'everything'];

export function Restrictions({ id, opened, onClose, onDone }: { id: string; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation('office-record');
  const restrict = useWrite('post', '/api/v1/clients/{id}/restrictions');
  const [kind, setKind] = useState<string>('withdrawals');
  const [told, setTold] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  return (
    <ReasonDialog
      opened={opened}
      onClose={onClose}
      title={t('restrict')}
      text={t('restrictText')}
      confirm={t('restrict')}
      danger
      busy={restrict.busy}
      error={failed}
      onConfirm={({ note }) => {
        restrict.run({ path: { id }, body: { kind: kind as Schema<'RestrictionKind'>, reason: note, told } }).then(
          () => {
            setFailed(null);
            say(t('done.restricted'));
            onClose();
            onDone();
          },
          (e: unknown) => setFailed(e),
        );
      }}
    >
      <Select label={t('restrictWhat')} allowDeselect={false} data={kinds.map((value) => ({ value, label: statusText('restriction', value) }))} value={kind} onChange={(v) => setKind(v ?? 'withdrawals')} />
      <Checkbox label={t('restrictTold')} checked={told} onChange={(e) => setTold(e.currentTarget.checked)} />
    </ReasonDialog>
  );
}
