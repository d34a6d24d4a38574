import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconWebhook } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const loader = () => loadTexts('partner-tools');
export const postbacks: Feature = {
  nav: [{ to: '/postbacks', label: () => i18next.t('partner:nav.postbacks'), icon: IconWebhook, order: 38 }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/postbacks', loader, component: lazyRouteComponent(() => import('./PostbacksPage'), 'PostbacksPage') }),
    createRoute({ getParentRoute: () => root, path: '/postbacks/$id', loader, component: lazyRouteComponent(() => import('./PostbackPage'), 'PostbackPage') }),
  ],
};
