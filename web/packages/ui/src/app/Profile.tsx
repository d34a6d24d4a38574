import { useTranslation } from '@qd/i18n';
import { Page } from '../frame/Page';
import { SecurityPanels } from '../security/SecurityPage';

export function Profile() {
  const { t } = useTranslation('common');
  return (
    <Page title={t('user.profile')} width="text">
      <SecurityPanels />
    </Page>
  );
}
