import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconRoute } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['connections.view'];

export const routing: Feature = {
  nav: [{ to: '/payments/routing', label: () => i18next.t('office:nav.routing'), icon: IconRoute, group: 'money', order: 25, rights }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/payments/routing',
      staticData: { rights },
      loader: () => loadTexts('office-routing', 'office-words'),
      component: lazyRouteComponent(() => import('./RoutingPage'), 'RoutingPage'),
    }),
  ],
};
