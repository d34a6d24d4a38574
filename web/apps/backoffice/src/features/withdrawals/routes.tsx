import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconCashBanknote } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['withdrawals.view'];
const loader = () => loadTexts('office-money', 'office-words');

export const withdrawals: Feature = {
  nav: [{ to: '/withdrawals', label: () => i18next.t('office:nav.withdrawals'), icon: IconCashBanknote, group: 'money', order: 10, rights, key: 'w' }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/withdrawals', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./WithdrawalsPage'), 'WithdrawalsPage') }),
    createRoute({ getParentRoute: () => root, path: '/withdrawals/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./WithdrawalPage'), 'WithdrawalPage') }),
  ],
};
