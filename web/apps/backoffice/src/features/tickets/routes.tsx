import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconMessages } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['tickets.view'];
const texts = () => loadTexts('office-tickets');

export const tickets: Feature = {
  nav: [{ to: '/tickets', label: () => i18next.t('office:nav.tickets'), icon: IconMessages, group: 'clients', order: 40, rights, key: 't' }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/tickets',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./TicketsPage'), 'TicketsPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/tickets/$id',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./TicketPage'), 'TicketPage'),
    }),
  ],
};
