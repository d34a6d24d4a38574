import { i18next } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconBinaryTree } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const tree: Feature = {
  nav: [{ to: '/tree', label: () => i18next.t('partner:nav.tree'), icon: IconBinaryTree, order: 40 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/tree', component: lazyRouteComponent(() => import('./TreePage'), 'TreePage') })],
};
