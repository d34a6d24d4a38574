import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconChartCandle } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['me.accounts'];
const loader = () => loadTexts('trader-accounts');

export const accounts: Feature = {
  nav: [{ to: '/accounts', label: () => i18next.t('trader:nav.accounts'), icon: IconChartCandle, order: 10, rights, bar: true }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/accounts', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./Accounts'), 'Accounts') }),
    createRoute({ getParentRoute: () => root, path: '/accounts/new', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./OpenAccount'), 'OpenAccount') }),
    createRoute({ getParentRoute: () => root, path: '/accounts/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./AccountPage'), 'AccountPage') }),
    createRoute({ getParentRoute: () => root, path: '/accounts/$id/statement', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./AccountStatement'), 'AccountStatement') }),
  ],
};
