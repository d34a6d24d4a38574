import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconBook2 } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['ledger.view'];
const loader = () => loadTexts('office-money', 'office-words');

export const ledger: Feature = {
  nav: [{ to: '/ledger', label: () => i18next.t('office:nav.ledger'), icon: IconBook2, group: 'money', order: 40, rights, key: 'l' }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/ledger', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./LedgerPage'), 'LedgerPage') }),
    createRoute({ getParentRoute: () => root, path: '/ledger/entries/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./EntryPage'), 'EntryPage') }),
  ],
};
