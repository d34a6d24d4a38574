import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconAdjustments, IconKey } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['settings.view'];
const keys = ['apikeys.manage'];
const texts = () => loadTexts('office-house', 'office-words', 'office-settings');

export const settings: Feature = {
  nav: [
    { to: '/settings', label: () => i18next.t('office:nav.settings'), icon: IconAdjustments, group: 'house', order: 40, rights },
    { to: '/api-keys', label: () => i18next.t('office:nav.apiKeys'), icon: IconKey, group: 'house', order: 41, rights: keys },
  ],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/settings',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./SettingsPage'), 'SettingsPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/settings/entities/new',
      staticData: { rights: ['entities.edit'] },
      loader: texts,
      component: lazyRouteComponent(() => import('./NewEntity'), 'NewEntity'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/settings/entities/$code',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./EntityPage'), 'EntityPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/api-keys',
      staticData: { rights: keys },
      loader: texts,
      component: lazyRouteComponent(() => import('./KeysPage'), 'KeysPage'),
    }),
  ],
};
