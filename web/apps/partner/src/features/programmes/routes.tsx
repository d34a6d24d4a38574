import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconUserDollar } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const loader = () => Promise.all([loadTexts('partner-tools'), loadTexts('partner-why')]);
export const programmes: Feature = {
  nav: [{ to: '/programmes', label: () => i18next.t('partner:nav.programmes'), icon: IconUserDollar, order: 22 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/programmes', loader, component: lazyRouteComponent(() => import('./ProgrammesPage'), 'ProgrammesPage') })],
};
