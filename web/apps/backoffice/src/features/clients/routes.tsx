import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconUserPlus, IconUsers } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['clients.view'];

export const clients: Feature = {
  nav: [
    { to: '/leads', label: () => i18next.t('office:nav.leads'), icon: IconUserPlus, group: 'clients', order: 5, rights: ['leads.view'], key: 'l' },
    { to: '/clients', label: () => i18next.t('office:nav.clients'), icon: IconUsers, group: 'clients', order: 10, rights, key: 'c' }],
  actions: (go) => [{ id: 'lead-add', label: i18next.t('office:action.addLead'), run: () => go('/leads?add=1'), rights: ['leads.create'] }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/leads',
      staticData: { rights: ['leads.view'] },
      loader: () => loadTexts('office-clients'),
      component: lazyRouteComponent(() => import('./ClientsPage'), 'LeadsPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/clients',
      staticData: { rights },
      loader: () => loadTexts('office-clients'),
      component: lazyRouteComponent(() => import('./ClientsPage'), 'ClientsPage'),
    }),
  ],
};
