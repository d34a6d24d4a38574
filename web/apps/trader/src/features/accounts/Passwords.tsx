import { Button } from '@mantine/core';
import { type Answer, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, Dialog, errorText, Notice } from '@qd/ui';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import type { Account } from '../../lib/queries';
import classes from '../../lib/room.module.css';

/** The first passwords of an account: shown once, after a fresh proof, then gone from our side too. */
export function Passwords({ account }: { account: Account }) {
  const { t } = useTranslation('trader-accounts');
  const [shown, setShown] = useState<Answer<'post', '/api/v1/me/accounts/{id}/reveal-passwords'> | null>(null);
  const reveal = useWrite('post', '/api/v1/me/accounts/{id}/reveal-passwords', { touches: ['trading'], onDone: (p) => setShown(p) });
  if (reveal.error?.is('passwords_already_shown')) return <Notice>{t('passwords.gone')}</Notice>;
  if (!account.passwords_wait && !shown) return null;
  return (
    <>
      <Notice
        title={t('passwords.title')}
        action={
          <Button leftSection={<IconKey size={16} aria-hidden />} loading={reveal.busy} onClick={() => reveal.submit({ path: { id: account.id } })}>
            {t('passwords.show')}
          </Button>
        }
      >
        {t('passwords.text')}
        {reveal.error && reveal.error.kind !== 'declined' ? ` ${errorText(reveal.error)}` : null}
      </Notice>
      <Dialog
        opened={shown !== null}
        onClose={() => {
          setShown(null);
          reveal.reset();
        }}
        title={t('passwords.title')}
        size="sm"
      >
        {shown && (
          <div className={classes.field}>
            <Notice tone="warn">{t('passwords.once')}</Notice>
            <Secret label={t('passwords.main')} text={shown.main} />
            <Secret label={t('passwords.investor')} text={shown.investor} />
            <p className={classes.note}>{t('passwords.investor_text')}</p>
          </div>
        )}
      </Dialog>
    </>
  );
}

function Secret({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <div className={classes.note}>{label}</div>
      <div className={classes.secret}>
        <CopyId id={text} full />
      </div>
    </div>
  );
}
