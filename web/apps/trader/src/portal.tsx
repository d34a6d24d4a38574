import type { Portal } from '@qd/ui/app';

const pages: Record<string, string> = {
  deposit: '/deposits',
  withdrawal: '/withdrawals',
  transfer: '/transfers',
  account: '/accounts',
  ticket: '/support',
};

export const portal: Portal = {
  app: 'trader',
  base: '/',
  namespace: 'trader',
  who: 'client',
  bottomBar: true,
  addressOf: (object) => {
    const [kind, id] = object.split(':');
    const page = pages[kind ?? ''];
    if (page && id) return `${page}/${id}`;
    return kind === 'kyc' || kind === 'client' ? '/verification' : null;
  },
};
