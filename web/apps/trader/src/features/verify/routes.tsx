import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconShieldCheck } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['me.kyc'];
const loader = () => loadTexts('trader-verify');

export const verify: Feature = {
  nav: [{ to: '/verification', label: () => i18next.t('trader:nav.verification'), icon: IconShieldCheck, order: 60, rights }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/verification', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./Verification'), 'Verification') }),
    createRoute({ getParentRoute: () => root, path: '/verification/profile', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./ProfileSteps'), 'ProfileSteps') }),
    createRoute({ getParentRoute: () => root, path: '/verification/questionnaire', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./Questionnaire'), 'Questionnaire') }),
    createRoute({ getParentRoute: () => root, path: '/verification/documents', staticData: { rights }, loader, component: lazyRouteComponent(() => import('./Documents'), 'Documents') }),
  ],
};
