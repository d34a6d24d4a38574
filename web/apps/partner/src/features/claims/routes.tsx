import { loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

/** Reached from the clients: no entry of its own. */
export const claims: Feature = {
  routes: (root) => [createRoute({ getParentRoute: () => root, path: '/claims', loader: () => loadTexts('partner-tools'), component: lazyRouteComponent(() => import('./ClaimsPage'), 'ClaimsPage') })],
};
