import { Button, Stack } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, ErrorState, errorText, Notice, say, When } from '@qd/ui';
import { useState } from 'react';
import classes from './postbacks.module.css';

/** The way in for a server of my own: it reports clicks with a token. */
export function Door() {
  const { t } = useTranslation('partner-tools');
  const door = useApiQuery('/api/v1/me/partner/door', {});
  const set = useWrite('post', '/api/v1/me/partner/door');
  const [shown, setShown] = useState(false);
  if (door.error && !door.data) return <ErrorState error={door.error} onRetry={() => void door.refetch()} />;
  const open = door.data?.door?.active ?? false;
  const change = async (to: boolean) => {
    try {
      await set.run({ body: { open: to } });
      say(to ? t('door.opened') : t('door.shut'));
      void door.refetch();
    } catch {
      // Told below.
    }
  };
  return (
    <Stack gap="sm">
      <p>{t('door.text')}</p>
      {set.error && <Notice tone="bad">{errorText(set.error)}</Notice>}
      {door.data?.token && (shown ? <span className={classes.code}><CopyId id={door.data.token} label={door.data.token} full /></span> : <div><Button variant="default" size="compact-sm" onClick={() => setShown(true)}>{t('door.show')}</Button></div>)}
      {open && door.data?.door && <p className="qd-muted">{t('door.since')} <When us={door.data.door.changed_at_us} as="full" /></p>}
      <div className={classes.row}>
        <Button variant="default" loading={set.busy} onClick={() => void change(true)}>{open ? t('door.fresh') : t('door.open')}</Button>
        {open && <Button variant="default" loading={set.busy} onClick={() => void change(false)}>{t('door.close')}</Button>}
      </div>
    </Stack>
  );
}
