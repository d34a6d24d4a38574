import { useTranslation } from '@qd/i18n';
import { EmptyState, Page } from '@qd/ui';
import { useSession } from '@qd/ui/app';

export function Home() {
  const { t } = useTranslation('trader');
  const { name } = useSession();
  return (
    <Page title={t('home.title', { name })}>
      <EmptyState kind="first" title={t('home.empty')} />
    </Page>
  );
}
