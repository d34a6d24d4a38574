import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconGitBranch } from '@tabler/icons-react';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

const rights = ['rules.view'];
const texts = () => loadTexts('office-house');

export const rules: Feature = {
  nav: [{ to: '/rules', label: () => i18next.t('office:nav.rules'), icon: IconGitBranch, group: 'house', order: 20, rights }],
  actions: (go) => [{ id: 'rule-add', label: i18next.t('office:action.addRule'), run: () => go('/rules/new'), rights: ['rules.edit'] }],
  routes: (root) => [
    createRoute({
      getParentRoute: () => root,
      path: '/rules',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./RulesPage'), 'RulesPage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/rules/new',
      staticData: { rights: ['rules.edit'] },
      loader: texts,
      component: lazyRouteComponent(() => import('./RulePage'), 'NewRulePage'),
    }),
    createRoute({
      getParentRoute: () => root,
      path: '/rules/$id',
      staticData: { rights },
      loader: texts,
      component: lazyRouteComponent(() => import('./RulePage'), 'RulePage'),
    }),
  ],
};
