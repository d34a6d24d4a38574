import { Button } from '@mantine/core';
import { i18next, loadTexts, useTranslation } from '@qd/i18n';
import { use } from 'react';
import { Page } from '../frame/Page';
import { SecurityPanels } from '../security/SecurityPage';
import { Notice } from '../state/Notice';

let texts: Promise<void> | undefined;

/** The house wants a second factor, or an own password, before anything else is open. */
export default function MustSecure({ onSignOut, onDone }: { onSignOut: () => void; onDone: () => void }) {
  texts ??= loadTexts('security');
  use(texts);
  const { t } = useTranslation('common');
  void i18next;
  return (
    <main>
      <Page
        title={t('pages.secure')}
        width="text"
        actions={
          <>
            <Button variant="default" onClick={onSignOut}>
              {t('user.sign_out')}
            </Button>
            <Button onClick={onDone}>{t('pages.secure_done')}</Button>
          </>
        }
      >
        <Notice>{t('pages.secure_text')}</Notice>
        <SecurityPanels />
      </Page>
    </main>
  );
}
