import type { Portal } from '@qd/ui/app';
import { Bars } from './lib/Bars';

const pages: Record<string, string> = {
  deposit: '/deposits',
  withdrawal: '/withdrawals',
  transfer: '/transfers',
  account: '/accounts',
  ticket: '/support',
};
const kinds: Record<string, string> = { dep: 'deposit', wdr: 'withdrawal', trf: 'transfer', tacc: 'account', tkt: 'ticket' };

export const portal: Portal = {
  app: 'trader',
  base: '/',
  namespace: 'trader',
  who: 'client',
  bottomBar: true,
  above: () => <Bars />,
  addressOf: (object) => {
    const [kind = '', id = ''] = object.split(':');
    // The id's own prefix says what it is, whatever the server calls it.
    const page = pages[kinds[id.split('_')[0] ?? ''] ?? kind];
    if (page && id) return `${page}/${id}`;
    return kind === 'kyc' || kind === 'client' ? '/verification' : null;
  },
};
