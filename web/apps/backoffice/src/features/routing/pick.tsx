import { Select } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { useCan, useSession } from '@qd/ui/app';
import { methodName } from '../../lib/RouteWhy';

/** Where the entities may not be read: the methods every house has words for. */
const usual = ['card', 'bank', 'instant_bank', 'skrill', 'neteller', 'bitcoin', 'promptpay'];

/** The methods and currencies of the house. */
export function useOffer(): { methods: readonly string[]; currencies: readonly string[] } {
  const { boot } = useSession();
  const entities = useApiQuery('/api/v1/entities', useCan('settings.view') ? {} : null);
  const configured = (entities.data?.items ?? []).flatMap((e) => e.config.methods.filter((m) => m.deposits).map((m) => m.code));
  const currencies = (entities.data?.items ?? []).flatMap((e) => e.config.currencies as string[]);
  return { methods: [...new Set(configured.length ? configured : usual)], currencies: [...new Set(currencies.length ? currencies : (boot?.currencies ?? []))] };
}

interface Props {
  method: string;
  currency: string;
  onMethod: (method: string) => void;
  onCurrency: (currency: string) => void;
}

export function MethodAndCurrency({ method, currency, onMethod, onCurrency }: Props) {
  const { t } = useTranslation('office-routing');
  const offer = useOffer();
  const methods = [...new Set([...offer.methods, method])].map((value) => ({ value, label: methodName(value) }));
  return (
    <>
      <Select label={t('method')} data={methods} value={method} onChange={(v) => v && onMethod(v)} allowDeselect={false} searchable />
      <Select label={t('currency')} data={[...new Set([...offer.currencies, currency])]} value={currency} onChange={(v) => v && onCurrency(v)} allowDeselect={false} searchable />
    </>
  );
}
