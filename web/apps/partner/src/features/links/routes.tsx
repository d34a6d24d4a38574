import { i18next } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconLink } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const links: Feature = {
  nav: [{ to: '/links', label: () => i18next.t('partner:nav.links'), icon: IconLink, order: 30 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/links', component: lazyRouteComponent(() => import('./LinksPage'), 'LinksPage') })],
};
