import { useTranslation } from '@qd/i18n';
import { Page } from '@qd/ui';
import { Lines } from './Lines';

/** All partners' lines: for finance, and for the question which rule paid what. */
export function LinesPage() {
  const { t } = useTranslation('office-partners');
  return (
    <Page title={t('lines.all')} text={t('lines.text')} fill>
      <Lines />
    </Page>
  );
}
