import { useCursorPages } from '@qd/api';
import { statusText, FilterBar, Page, useFilters, type Filter } from '@qd/ui';
import { useTranslation } from '@qd/i18n';
import { useMemo } from 'react';
import { LinesTable } from './LinesTable';

/** All my lines, by period, state and client. */
export function LinesPage() {
  const { t } = useTranslation('partner');
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'dates', name: 'at', label: t('line.at'), pinned: true },
      { kind: 'choice', name: 'state', label: t('line.kind'), pinned: true, options: ['open', 'stated', 'zero'].map((value) => ({ value, label: statusText('commission_line', value) })) },
      { kind: 'text', name: 'client_id', label: t('line.client') },
      { kind: 'text', name: 'account', label: t('line.account') },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const query = useMemo(() => {
    const { at_from_us: from, at_until_us: until, ...rest } = values;
    return { ...rest, from_us: from ? Number(from) : undefined, to_us: until ? Number(until) : undefined, limit: 50 };
  }, [values]);
  const list = useCursorPages('/api/v1/me/partner/lines', { query: query as never });
  return (
    <Page title={t('nav.lines')} text={t('line.text')} fill>
      <LinesTable id="lines" list={list} toolbar={<FilterBar filters={filters} />} filtered={active} onResetFilters={reset} />
    </Page>
  );
}
