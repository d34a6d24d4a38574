import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconAlertTriangle } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['exceptions.view'];
const loader = () => loadTexts('office-money', 'office-words');

export const exceptions: Feature = {
  nav: [{ to: '/exceptions', label: () => i18next.t('office:nav.exceptions'), icon: IconAlertTriangle, group: 'house', order: 5, rights, key: 'x' }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/exceptions', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ExceptionsPage'), 'ExceptionsPage') }),
    createRoute({ getParentRoute: () => root, path: '/exceptions/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ExceptionsPage'), 'ExceptionsPage') }),
  ],
};
