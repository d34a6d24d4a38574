import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconUsers } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['clients.view'];

export const clients: Feature = {
  nav: [{ to: '/clients', label: () => i18next.t('office:nav.clients'), icon: IconUsers, group: 'clients', order: 10, rights, key: 'c' }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/clients',
      staticData: { rights },
      loader: () => loadTexts('office-clients'),
      component: lazyRouteComponent(() => import('./ClientsPage'), 'ClientsPage'),
    }),
  ],
};
