import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconFilterDollar } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const funnel: Feature = {
  nav: [{ to: '/funnel', label: () => i18next.t('partner:nav.funnel'), icon: IconFilterDollar, order: 32 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/funnel', loader: () => loadTexts('partner-tools'), component: lazyRouteComponent(() => import('./FunnelPage'), 'FunnelPage') })],
};
