import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconPhoto } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const material: Feature = {
  nav: [{ to: '/material', label: () => i18next.t('partner:nav.material'), icon: IconPhoto, order: 36 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/material', loader: () => loadTexts('partner-tools'), component: lazyRouteComponent(() => import('./MaterialPage'), 'MaterialPage') })],
};
