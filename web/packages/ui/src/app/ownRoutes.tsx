import { loadTexts } from '@qd/i18n';
import { createRoute, lazyRouteComponent, type AnyRoute } from '@tanstack/react-router';

/** Screens every portal has. */
export function ownRoutes(root: AnyRoute): AnyRoute[] {
  return [
    createRoute({
      getParentRoute: () => root,
      path: '/profile',
      loader: () => loadTexts('security'),
      component: lazyRouteComponent(() => import('./Profile'), 'Profile'),
    }),
  ];
}
