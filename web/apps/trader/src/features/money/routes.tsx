import { i18next, loadTexts } from '@qd/i18n';
import type { Feature } from '@qd/ui/app';
import { IconArrowDownLeft, IconArrowsExchange, IconArrowUpRight, IconHistory } from '@tabler/icons-react';
import { type AnyRoute, createRoute, lazyRouteComponent } from '@tanstack/react-router';

const loader = () => loadTexts('trader-money');
const deposit = ['me.deposit'];
const withdraw = ['me.withdraw'];
const transfer = ['me.transfer'];
const statements = ['me.statements'];

export const money: Feature = {
  nav: [
    { to: '/deposit', label: () => i18next.t('trader:nav.deposit'), icon: IconArrowDownLeft, order: 20, rights: deposit, bar: true },
    { to: '/withdraw', label: () => i18next.t('trader:nav.withdraw'), icon: IconArrowUpRight, order: 30, rights: withdraw },
    { to: '/transfer', label: () => i18next.t('trader:nav.transfer'), icon: IconArrowsExchange, order: 40, rights: transfer },
    { to: '/history', label: () => i18next.t('trader:nav.history'), icon: IconHistory, order: 50, rights: statements, bar: true },
  ],
  routes: (root) => {
    const page = (path: string, rights: readonly string[], load: () => Promise<Record<string, unknown>>, name: string): AnyRoute =>
      createRoute({ getParentRoute: () => root, path, staticData: { rights }, loader, component: lazyRouteComponent(load as never, name as never) as never });
    return [
      page('/deposit', deposit, () => import('./DepositForm'), 'DepositForm'),
      page('/deposits/$id', deposit, () => import('./DepositPage'), 'DepositPage'),
      page('/withdraw', withdraw, () => import('./WithdrawForm'), 'WithdrawForm'),
      page('/withdrawals/$id', withdraw, () => import('./WithdrawalPage'), 'WithdrawalPage'),
      page('/transfer', transfer, () => import('./TransferForm'), 'TransferForm'),
      page('/transfers/$id', transfer, () => import('./TransferPage'), 'TransferPage'),
      page('/history', statements, () => import('./History'), 'History'),
      page('/history/statement', statements, () => import('./MoneyStatement'), 'MoneyStatement'),
    ];
  },
};
