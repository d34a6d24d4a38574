import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { useState } from 'react';
import { say } from '../form/undo';
import { Card } from './Card';
import { Dialog } from '../overlay/Dialog';
import { PasswordForm } from './PasswordForm';

/** Change one's own password. */
export function PasswordCard() {
  const { t } = useTranslation('security');
  const [opened, setOpened] = useState(false);
  return (
    <Card
      title={t('password.title')}
      text={t('password.others_end')}
      action={
        <Button variant="default" onClick={() => setOpened(true)}>
          {t('password.change')}
        </Button>
      }
    >
      <Dialog opened={opened} onClose={() => setOpened(false)} title={t('password.change')} size="sm">
        <PasswordForm
          onDone={() => {
            setOpened(false);
            say(t('password.changed'));
          }}
        />
      </Dialog>
    </Card>
  );
}
