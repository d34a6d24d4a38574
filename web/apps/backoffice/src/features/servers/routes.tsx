import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconServer2 } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['connections.view'];
const loader = () => loadTexts('office-servers', 'office-connections', 'office-money', 'office-words');

export const servers: Feature = {
  nav: [{ to: '/trading-servers', label: () => i18next.t('office:nav.servers'), icon: IconServer2, group: 'house', order: 12, rights }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/trading-servers', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ServersPage'), 'ServersPage') }),
    createRoute({ getParentRoute: () => root, path: '/trading-servers/$id', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ServerPage'), 'ServerPage') }),
  ],
};
