import { can, sees, useMe, type Boot, type Me } from '@qd/api';
import { createContext, use } from 'react';

interface Session {
  me: Me;
  boot: Boot | undefined;
  /** `Lukas Brenner`; a client's name comes from the record. */
  name: string;
}

export const SessionContext = createContext<Session | null>(null);

/** Who sits here, below the frame: never empty. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('useSession is for screens inside the frame');
  return session;
}

/** Whether I have any of these rights. */
export function useCan(...rights: readonly string[]): boolean {
  const { me } = useSession();
  return rights.some((right) => can(me, right));
}

/** Whether a group of fields is shown to me, or stands as `•••`. */
export function useSees(group: string): boolean {
  return sees(useSession().me, group);
}

export { useMe };
