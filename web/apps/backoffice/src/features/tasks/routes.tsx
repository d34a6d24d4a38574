import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconChecklist } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['tasks.manage'];

export const tasks: Feature = {
  nav: [{ to: '/tasks', label: () => i18next.t('office:nav.tasks'), icon: IconChecklist, group: 'clients', order: 30, rights, key: 'a' }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/tasks',
      staticData: { rights },
      loader: () => loadTexts('office-clients'),
      component: lazyRouteComponent(() => import('./TasksPage'), 'TasksPage'),
    }),
  ],
};
