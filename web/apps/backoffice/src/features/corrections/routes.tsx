import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconArrowBackUpDouble } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['commission.view'];
const texts = () => loadTexts('office-partners', 'partner-why', 'office-engine', 'office-plans');

export const corrections: Feature = {
  nav: [{ to: '/corrections', label: () => i18next.t('office:nav.corrections'), icon: IconArrowBackUpDouble, group: 'partners', order: 15, rights }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/corrections',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./CorrectionsPage'), 'CorrectionsPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/corrections/new',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./NewCorrection'), 'NewCorrection'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/corrections/$id',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./CorrectionPage'), 'CorrectionPage'),
    }),
  ],
};
