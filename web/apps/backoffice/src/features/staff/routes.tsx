import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconTableOptions, IconUserShield } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['staff.view'];
const texts = () => loadTexts('office-staff', 'office-words');

export const staff: Feature = {
  nav: [
    { to: '/staff', label: () => i18next.t('office:nav.staff'), icon: IconUserShield, group: 'house', order: 30, rights },
    { to: '/roles', label: () => i18next.t('office:nav.roles'), icon: IconTableOptions, group: 'house', order: 31, rights },
  ],
  actions: (go) => [{ id: 'staff-add', label: i18next.t('office:action.addStaff'), run: () => go('/staff?add=1'), rights: ['staff.manage'] }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/staff',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./StaffPage'), 'StaffPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/staff/$id',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./StaffPage'), 'StaffPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/roles',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./RolesPage'), 'RolesPage'),
    }),
  ],
};
