import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconReportMoney } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['partners.view'];
const texts = () => loadTexts('office-partners', 'partner-why', 'office-house', 'office-plans', 'office-engine');

export const plans: Feature = {
  nav: [{ to: '/plans', label: () => i18next.t('office:nav.plans'), icon: IconReportMoney, group: 'partners', order: 11, rights }],
  actions: (go) => [{ id: 'plan-add', label: i18next.t('office:action.addPlan'), run: () => go('/plans/new'), rights: ['plans.manage'] }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/plans',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./PlansPage'), 'PlansPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/plans/new',
      staticData: { rights: ['plans.manage'] },
      loader: texts,
      component: lazyRouteComponent(() => import('./PlanPage'), 'NewPlanPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/plans/$id',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./PlanPage'), 'PlanPage'),
    }),
  ],
};
