import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconPhoto } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['partners.view'];

export const material: Feature = {
  nav: [{ to: '/material', label: () => i18next.t('office:nav.material'), icon: IconPhoto, group: 'partners', order: 18, rights }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/material',
      staticData: { rights },
      loader: () => loadTexts('office-programmes'),
      component: lazyRouteComponent(() => import('./MaterialPage'), 'MaterialPage'),
    }),
  ],
};
