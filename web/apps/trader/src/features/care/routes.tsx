import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconBell, IconMessageCircle, IconSettings } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const loader = () => loadTexts('trader-care');

export const care: Feature = {
  nav: [
    { to: '/support', label: () => i18next.t('trader:nav.support'), icon: IconMessageCircle, order: 70, rights: ['me.tickets'] },
    { to: '/notices', label: () => i18next.t('trader:nav.notices'), icon: IconBell, order: 80 },
    { to: '/settings', label: () => i18next.t('trader:nav.settings'), icon: IconSettings, order: 90 },
  ],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/support', staticData: { rights: ['me.tickets'] }, loader, component: lazyRouteComponent(() => import('./Tickets'), 'Tickets') }),
    createRoute({ getParentRoute: () => root, path: '/support/new', staticData: { rights: ['me.tickets'] }, loader, component: lazyRouteComponent(() => import('./NewTicket'), 'NewTicket') }),
    createRoute({ getParentRoute: () => root, path: '/support/$id', staticData: { rights: ['me.tickets'] }, loader, component: lazyRouteComponent(() => import('./TicketPage'), 'TicketPage') }),
    createRoute({ getParentRoute: () => root, path: '/notices', loader, component: lazyRouteComponent(() => import('./Notices'), 'Notices') }),
    createRoute({ getParentRoute: () => root, path: '/settings', loader, component: lazyRouteComponent(() => import('./Settings'), 'Settings') }),
    createRoute({ getParentRoute: () => root, path: '/partnership', staticData: { rights: ['me.partner'] }, loader, component: lazyRouteComponent(() => import('./Partnership'), 'Partnership') }),
  ],
};
