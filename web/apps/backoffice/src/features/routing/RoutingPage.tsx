import { useTranslation } from '@qd/i18n';
import { Page } from '@qd/ui';
import { Experiments } from './Experiments';
import { Health } from './Health';
import { Success } from './Success';
import { WhatIf } from './WhatIf';

/** Which provider takes a payment: how each is doing, what was measured, and where one would go now. */
export function RoutingPage() {
  const { t } = useTranslation('office-routing');
  return (
    <Page title={t('title')} text={t('text')}>
      <Health />
      <WhatIf />
      <Success />
      <Experiments />
    </Page>
  );
}
