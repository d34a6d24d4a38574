import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconPlugConnected } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['connections.view'];

export const connections: Feature = {
  nav: [{ to: '/connections', label: () => i18next.t('office:nav.connections'), icon: IconPlugConnected, group: 'house', order: 10, rights }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/connections',
      staticData: { rights },
      loader: () => loadTexts('office-connections', 'office-words'),
      component: lazyRouteComponent(() => import('./ConnectionsPage'), 'ConnectionsPage'),
    }),
  ],
};
