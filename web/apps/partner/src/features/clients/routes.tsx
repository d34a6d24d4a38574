import { i18next } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconUsers } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const clients: Feature = {
  nav: [{ to: '/clients', label: () => i18next.t('partner:nav.clients'), icon: IconUsers, order: 20 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/clients', component: lazyRouteComponent(() => import('./ClientsPage'), 'ClientsPage') })],
};
