import type { Portal } from '@qd/ui/app';
import { IconAffiliate } from '@tabler/icons-react';
import { i18next } from '@qd/i18n';
import { Bars } from './lib/Bars';
import { useRecord } from './lib/queries';

const pages: Record<string, string> = {
  deposit: '/deposits',
  withdrawal: '/withdrawals',
  transfer: '/transfers',
  account: '/accounts',
  ticket: '/support',
};
const kinds: Record<string, string> = { dep: 'deposit', wdr: 'withdrawal', trf: 'transfer', tacc: 'account', tkt: 'ticket' };

const partner = [{ to: '/partnership', label: () => i18next.t('trader:nav.partner'), icon: IconAffiliate, order: 65 }];
const none: typeof partner = [];

export const portal: Portal = {
  app: 'trader',
  base: '/',
  namespace: 'trader',
  who: 'client',
  bottomBar: true,
  above: () => <Bars />,
  // Absent for whoever is no partner.
  useMoreNav: () => (useRecord().data?.partner === 'active' ? partner : none),
  addressOf: (object) => {
    const [kind = '', id = ''] = object.split(':');
    // The id's own prefix says what it is, whatever the server calls it.
    const page = pages[kinds[id.split('_')[0] ?? ''] ?? kind];
    if (page && id) return `${page}/${id}`;
    return kind === 'kyc' || kind === 'client' ? '/verification' : null;
  },
};
