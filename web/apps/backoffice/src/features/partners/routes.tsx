import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconAffiliate, IconReceipt2 } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['partners.view'];
const money = ['commission.view'];
const texts = () => loadTexts('office-partners', 'partner-why', 'office-engine', 'office-plans');
const fileTexts = () => loadTexts('office-partners', 'partner-why', 'partner-tools', 'office-engine', 'office-plans', 'office-programmes', 'office-settings');

export const partners: Feature = {
  nav: [
    { to: '/partners', label: () => i18next.t('office:nav.partners'), icon: IconAffiliate, group: 'partners', order: 10, rights, key: 'p' },
    { to: '/commission', label: () => i18next.t('office:nav.commission'), icon: IconReceipt2, group: 'partners', order: 12, rights: money },
  ],
  actions: (go) => [{ id: 'partner-add', label: i18next.t('office:action.addPartner'), run: () => go('/partners?add=1'), rights: ['partners.manage'] }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/partners',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./PartnersPage'), 'PartnersPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/partners/$id',
      staticData: { rights },
      loader: fileTexts,
      component: lazyRouteComponent(() => import('./PartnerPage'), 'PartnerPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/commission',
      staticData: { rights: money },
      loader: texts,
      component: lazyRouteComponent(() => import('./LinesPage'), 'LinesPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/statements/$id',
      staticData: { rights: money },
      loader: texts,
      component: lazyRouteComponent(() => import('./StatementFile'), 'StatementPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/payouts/$id',
      staticData: { rights: money },
      loader: texts,
      component: lazyRouteComponent(() => import('./PayoutFile'), 'PayoutPage'),
    }),
  ],
};
