import { type QueryClient, QueryClientProvider, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useEffect, useState } from 'react';
import { newQueryClient } from './hooks';
import { Hub } from './hub';

export const HubContext = createContext<Hub | null>(null);

/** Goes around an app. */
export function ApiProvider({ children, client }: { children: ReactNode; client?: QueryClient }) {
  const [own] = useState(() => client ?? newQueryClient());
  return <QueryClientProvider client={own}>{children}</QueryClientProvider>;
}

/**
 * Inside `ApiProvider`, around everything that is for signed-in people: follows what happens on the
 * server as soon as `identity` (the `id` of `useMe`) is known.
 */
export function LiveProvider({ identity, children }: { identity: string | undefined; children: ReactNode }) {
  const client = useQueryClient();
  const [hub, setHub] = useState<Hub | null>(null);
  useEffect(() => {
    if (!identity) return;
    const h = new Hub({ identity, client });
    h.start();
    setHub(h);
    return () => {
      setHub(null);
      h.stop();
    };
  }, [identity, client]);
  return <HubContext.Provider value={hub}>{children}</HubContext.Provider>;
}
