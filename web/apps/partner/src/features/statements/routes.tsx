import { i18next } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconFileInvoice } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const page = () => import('./StatementsPage');
export const statements: Feature = {
  nav: [{ to: '/statements', label: () => i18next.t('partner:nav.statements'), icon: IconFileInvoice, order: 50 }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/statements', component: lazyRouteComponent(page, 'StatementsPage') }),
    createRoute({ getParentRoute: () => root, path: '/statements/$id', component: lazyRouteComponent(() => import('./StatementPage'), 'StatementPage') }),
  ],
};
