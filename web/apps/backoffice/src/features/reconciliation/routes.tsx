import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconScale } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['ledger.view'];
const loader = () => loadTexts('office-recon', 'office-money', 'office-words');

export const reconciliation: Feature = {
  nav: [{ to: '/reconciliation', label: () => i18next.t('office:nav.reconciliation'), icon: IconScale, group: 'money', order: 45, rights }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/reconciliation', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ReconciliationPage'), 'ReconciliationPage') }),
    createRoute({ getParentRoute: () => root, path: '/reconciliation/files/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./FilePage'), 'FilePage') }),
  ],
};
