import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconShieldCheck, IconShieldExclamation } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['audit.view'];

export const audit: Feature = {
  nav: [
    { to: '/audit', label: () => i18next.t('office:nav.audit'), icon: IconShieldCheck, group: 'house', order: 60, rights, key: 'u' },
    { to: '/overrides', label: () => i18next.t('office:nav.overrides'), icon: IconShieldExclamation, group: 'house', order: 61, rights },
  ],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/audit',
      staticData: { rights },
      loader: () => loadTexts('office-audit', 'office-words'),
      component: lazyRouteComponent(() => import('./AuditPage'), 'AuditPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/overrides',
      staticData: { rights },
      loader: () => loadTexts('office-audit', 'office-words'),
      component: lazyRouteComponent(() => import('./OverridesPage'), 'OverridesPage'),
    }),
  ],
};
