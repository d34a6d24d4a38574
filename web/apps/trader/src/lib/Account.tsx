import { useTranslation } from '@qd/i18n';
import { useApiQuery } from '@qd/api';
import { moneyText } from '@qd/ui';
import { useMemo } from 'react';
import { type Account, useAccounts } from './queries';

/** What a type of account is called, by its code. */
export function useTypeNames(): (code: string) => string {
  const types = useApiQuery('/api/v1/me/account-types', undefined, { staleTime: 5 * 60_000 });
  return useMemo(() => {
    const names = new Map(types.data?.items.map((t) => [t.code, t.name]));
    return (code) => names.get(code) ?? code.charAt(0).toUpperCase() + code.slice(1).replaceAll('_', ' ');
  }, [types.data]);
}

/** "Standard 500001", or that it is still being opened. */
export function useAccountText(): (account: Account) => string {
  const { t } = useTranslation('trader');
  const typeName = useTypeNames();
  return (a) => (a.login ? t('account.name', { type: typeName(a.account_type), login: a.login }) : t('account.opening', { type: typeName(a.account_type) }));
}

/** The name of one of my places for money: an account, or without an id the wallet. */
export function usePlaceText(): (id: string | null | undefined) => string {
  const { t } = useTranslation('trader');
  const accounts = useAccounts();
  const text = useAccountText();
  return (id) => {
    if (!id) return t('wallet');
    const found = accounts.data?.items.find((a) => a.id === id);
    return found ? text(found) : t('account.one');
  };
}

/** Choices for a form: my live accounts that are ready, with what can be moved out of them. */
export function usePlaces(): { value: string; account: Account; label: string; free: string | null }[] {
  const { i18n } = useTranslation('trader');
  const accounts = useAccounts();
  const text = useAccountText();
  return (accounts.data?.items ?? [])
    .filter((a) => a.kind === 'live' && a.state === 'ready')
    .map((account) => ({
      value: account.id,
      account,
      label: text(account),
      free: account.reading ? moneyText(i18n.language, { minor: account.reading.free_margin_minor, currency: account.currency }) : null,
    }));
}
