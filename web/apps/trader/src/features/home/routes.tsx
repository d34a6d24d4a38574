import { i18next } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconHome } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';

export const home: Feature = {
  nav: [{ to: '/', label: () => i18next.t('trader:nav.home'), icon: IconHome, order: 0, bar: true }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/', component: lazyRouteComponent(() => import('./Home'), 'Home') }),
    // Where partners' links lead: a stranger is at the door by then, and somebody signed in is home.
    createRoute({
      getParentRoute: () => root,
      path: '/start',
      beforeLoad: () => {
        throw redirect({ to: '/', replace: true });
      },
    }),
  ],
};
