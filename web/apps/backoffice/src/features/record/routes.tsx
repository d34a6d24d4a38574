import { loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['clients.view'];

/** One client on one page; lists, search and notifications lead here. */
export const record: Feature = {
  nav: [],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/clients/$id',
      staticData: { rights },
      loader: () => loadTexts('office-record', 'office-clients', 'office-kyc', 'office-partners', 'partner-why', 'office-engine', 'office-words'),
      component: lazyRouteComponent(() => import('./RecordPage'), 'RecordPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/clients/$id/file',
      staticData: { rights: ['client_file.export'] },
      loader: () => loadTexts('office-record', 'office-words'),
      component: lazyRouteComponent(() => import('./FilePage'), 'FilePage'),
    }),
  ],
};
