import { i18next } from '@qd/i18n';
import type { Portal } from '@qd/ui/app';

export const portal: Portal = {
  app: 'partner',
  base: '/partner',
  namespace: 'partner',
  who: 'client',
  name: () => i18next.t('partner:portal'),
  addressOf: (object) => {
    const [kind, id] = object.split(':');
    return kind === 'statement' && id ? `/statements/${id}` : null;
  },
};
