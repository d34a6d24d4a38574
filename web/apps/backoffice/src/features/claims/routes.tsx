import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconGavel } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['partners.view'];

export const claims: Feature = {
  nav: [{ to: '/claims', label: () => i18next.t('office:nav.claims'), icon: IconGavel, group: 'partners', order: 16, rights }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/claims',
      staticData: { rights },
      loader: () => loadTexts('office-partners', 'partner-why', 'office-engine', 'office-plans'),
      component: lazyRouteComponent(() => import('./ClaimsPage'), 'ClaimsPage'),
    }),
  ],
};
