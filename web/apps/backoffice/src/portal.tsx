import { i18next } from '@qd/i18n';
import type { Portal } from '@qd/ui/app';

// What a notification, a search result or an exception points to, and the screen that shows it.
const pages: Record<string, string> = {
  client: '/clients',
  lead: '/clients',
  kyc: '/kyc',
  deposit: '/deposits',
  withdrawal: '/withdrawals',
  transfer: '/transfers',
  account: '/accounts',
  exception: '/exceptions',
  partner: '/partners',
  statement: '/statements',
  payout: '/payouts',
  payout_batch: '/payout-batches',
  commission_close: '/month-closes',
  commission_correction: '/corrections',
  approval: '/approvals',
  task: '/tasks',
  ticket: '/tickets',
  staff: '/staff',
};

export const portal: Portal = {
  app: 'backoffice',
  base: '/office',
  namespace: 'office',
  who: 'staff',
  name: () => i18next.t('office:portal'),
  groups: () => [
    { id: 'clients', label: i18next.t('office:group.clients') },
    { id: 'money', label: i18next.t('office:group.money') },
    { id: 'partners', label: i18next.t('office:group.partners') },
    { id: 'house', label: i18next.t('office:group.house') },
  ],
  palette: true,
  desk: true,
  addressOf: (object) => {
    const [kind, id] = object.split(':');
    const page = pages[kind ?? ''];
    return page && id ? `${page}/${id}` : null;
  },
};
