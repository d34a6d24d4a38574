import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconHome } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const home: Feature = {
  nav: [{ to: '/', label: () => i18next.t('partner:nav.home'), icon: IconHome, order: 0 }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/', loader: () => loadTexts('partner-why'), component: lazyRouteComponent(() => import('./Home'), 'Home') }),
  ],
};
