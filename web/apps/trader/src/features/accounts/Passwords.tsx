import { Button } from '@mantine/core';
import { type Answer, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, Dialog, errorText, Notice } from '@qd/ui';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import type { Account } from '../../lib/queries';
import classes from '../../lib/room.module.css';

const seen = new Set<string>();

/** The first passwords of an account: shown once, after a fresh proof, then gone from our side too. */
export function Passwords({ account }: { account: Account }) {
  const { t } = useTranslation('trader-accounts');
  const [shown, setShown] = useState<Answer<'post', '/api/v1/me/accounts/{id}/reveal-passwords'> | null>(null);
  const reveal = useWrite('post', '/api/v1/me/accounts/{id}/reveal-passwords', { touches: [], onDone: (p) => setShown(p) });
  // Offered while the account is young; whoever has seen them is not asked again in this visit.
  const young = account.ready_at_us ? Date.now() * 1000 - account.ready_at_us < 30 * 86_400_000_000 : false;
  const gone = reveal.error?.is('passwords_already_shown');
  if ((!young && !shown) || (seen.has(account.id) && !shown) || gone) return gone ? <Notice>{t('passwords.gone')}</Notice> : null;
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
          seen.add(account.id);
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
