import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconCoins } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['deposits.view'];
const loader = () => loadTexts('office-money', 'office-routing', 'office-words');

export const deposits: Feature = {
  nav: [{ to: '/deposits', label: () => i18next.t('office:nav.deposits'), icon: IconCoins, group: 'money', order: 20, rights, key: 'd' }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/deposits', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./DepositsPage'), 'DepositsPage') }),
    createRoute({ getParentRoute: () => root, path: '/deposits/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./DepositPage'), 'DepositPage') }),
  ],
};
