import { useApiQuery } from '@qd/api';
import { useCan } from '@qd/ui/app';
import { useMemo } from 'react';

/** The payment connections whose files may come: from the connections page, or from how reconciliation stands. */
export function useProviders(): readonly string[] {
  const may = useCan('connections.view');
  const connections = useApiQuery('/api/v1/connections', may ? {} : null, { live: 'off' });
  const standings = useApiQuery('/api/v1/reconciliation/overview', may ? null : {}, { live: 'off' });
  return useMemo(
    () => [...new Set([...(connections.data?.psps ?? []).map((p) => p.id), ...(standings.data?.items ?? []).filter((s) => s.side === 'provider').map((s) => s.party)])].sort(),
    [connections.data, standings.data],
  );
}
