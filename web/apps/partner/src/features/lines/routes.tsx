import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconReceipt } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

export const lines: Feature = {
  nav: [{ to: '/lines', label: () => i18next.t('partner:nav.lines'), icon: IconReceipt, order: 10 }],
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/lines', loader: () => loadTexts('partner-why'), component: lazyRouteComponent(() => import('./LinesPage'), 'LinesPage') })],
};
