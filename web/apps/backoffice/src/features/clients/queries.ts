import { useApiQuery, useCursorPages, type components, type Row } from '@qd/api';
import type { SearchState } from '@qd/ui';

export type ClientRow = Row<'/api/v1/clients'>;

const SORTS: readonly components['schemas']['ClientSort'][] = ['newest', 'oldest', 'name', 'activity'];

/** The list as the address says: what is in `filters` are the API's own parameters. */
export function useClients(filters: SearchState, sort: string | undefined, leads = false) {
  const kept = leads ? { ...filters, stage: 'lead' as const } : filters;
  return useCursorPages('/api/v1/clients', { query: { ...kept, sort: SORTS.find((s) => s === sort), limit: 50 } });
}

export function useClient(id: string | undefined) {
  return useApiQuery('/api/v1/clients/{id}', id ? { path: { id } } : null);
}
