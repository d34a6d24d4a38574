import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconUsersGroup } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['approvals.view'];
const loader = () => loadTexts('office-money', 'office-words');

export const approvals: Feature = {
  nav: [{ to: '/approvals', label: () => i18next.t('office:nav.approvals'), icon: IconUsersGroup, group: 'money', order: 5, rights }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/approvals', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ApprovalsPage'), 'ApprovalsPage') }),
    createRoute({ getParentRoute: () => root, path: '/approvals/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ApprovalsPage'), 'ApprovalsPage') }),
  ],
};
