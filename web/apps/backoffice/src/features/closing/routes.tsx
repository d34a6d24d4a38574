import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconCalendarCheck, IconFileInvoice } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const close = ['statements.close'];
const pay = ['payouts.prepare', 'payouts.release'];
const texts = () => loadTexts('office-partners', 'partner-why', 'office-engine', 'office-plans');

export const closing: Feature = {
  nav: [
    { to: '/month-closes', label: () => i18next.t('office:nav.monthClose'), icon: IconCalendarCheck, group: 'partners', order: 13, rights: close },
    { to: '/payout-batches', label: () => i18next.t('office:nav.payoutBatches'), icon: IconFileInvoice, group: 'partners', order: 14, rights: pay },
  ],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/month-closes',
      staticData: { rights: close },
      loader: texts,
      component: lazyRouteComponent(() => import('./ClosesPage'), 'ClosesPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/month-closes/$id',
      staticData: { rights: close },
      loader: texts,
      component: lazyRouteComponent(() => import('./ClosePage'), 'ClosePage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/payout-batches',
      staticData: { rights: pay },
      loader: texts,
      component: lazyRouteComponent(() => import('./BatchesPage'), 'BatchesPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/payout-batches/new',
      staticData: { rights: ['payouts.prepare'] },
      loader: texts,
      component: lazyRouteComponent(() => import('./NewBatch'), 'NewBatch'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/payout-batches/$id',
      staticData: { rights: pay },
      loader: texts,
      component: lazyRouteComponent(() => import('./BatchPage'), 'BatchPage'),
    }),
  ],
};
