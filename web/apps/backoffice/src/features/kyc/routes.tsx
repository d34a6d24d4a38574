import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconId } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const loader = () => loadTexts('office-kyc', 'office-money', 'office-words', 'trader-verify');

export const kyc: Feature = {
  nav: [{ to: '/kyc', label: () => i18next.t('office:nav.kyc'), icon: IconId, group: 'clients', order: 20, rights: ['kyc.review'], key: 'v' }],
  routes: (root) => [
    createRoute({ getParentRoute: () => root, path: '/kyc', staticData: { rights: ['kyc.review'] }, loader, component: lazyRouteComponent(() => import('./QueuePage'), 'QueuePage') }),
    createRoute({ getParentRoute: () => root, path: '/kyc/$id', staticData: { rights: ['kyc.view'] }, loader, component: lazyRouteComponent(() => import('./ReviewPage'), 'ReviewPage') }),
  ],
};
