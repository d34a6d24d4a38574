import { useEffect, useId, useSyncExternalStore } from 'react';

// Which overlay is on top: Esc goes one level back, never two.
let stack: string[] = [];
const listeners = new Set<() => void>();
const set = (next: string[]) => {
  stack = next;
  for (const tell of listeners) tell();
};

/** True while this overlay is open and no other lies over it. */
export function useTopmost(opened: boolean): boolean {
  const id = useId();
  useEffect(() => {
    if (!opened) return;
    set([...stack, id]);
    return () => set(stack.filter((each) => each !== id));
  }, [opened, id]);
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => stack.at(-1) === id,
    () => false,
  );
}

export const overlayOpen = (): boolean => stack.length > 0;
