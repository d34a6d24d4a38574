import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import type { SearchState } from '@qd/ui';

export type ClientRow = Row<'/api/v1/clients'>;

/** The list as the address says: what is in `filters` are the API's own parameters. */
export function useClients(filters: SearchState, sort: string | undefined) {
  return useCursorPages('/api/v1/clients', { query: { ...filters, sort, limit: 50 } });
}

export function useClient(id: string | undefined) {
  return useApiQuery('/api/v1/clients/{id}', id ? { path: { id } } : null);
}
