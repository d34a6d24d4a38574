import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';

export type SearchState = Record<string, string>;

/** How addresses are written: plain text both ways, so that links can be read, sent and typed. */
export const searchCodec = {
  parseSearch: (text: string): SearchState => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search: Record<string, unknown>): string => {
    const out = new URLSearchParams();
    for (const [key, value] of Object.entries(search)) {
      if (value !== undefined && value !== null && value !== '') out.set(key, String(value));
    }
    const text = out.toString();
    return text ? `?${text}` : '';
  },
};

/**
 * The state of a screen, in its address: filters, sort, tab, open drawer. Back works, links can be sent.
 * `replace` for what is no step of its own (typing in a filter).
 */
export function useSearchState(): [SearchState, (change: Record<string, string | null | undefined>, options?: { replace?: boolean }) => void] {
  const search = useSearch({ strict: false }) as SearchState;
  const navigate = useNavigate();
  const set = useCallback(
    (change: Record<string, string | null | undefined>, options: { replace?: boolean } = {}) => {
      void navigate({
        to: '.',
        search: ((old: SearchState) => {
          const next: Record<string, string | undefined> = { ...old };
          for (const [key, value] of Object.entries(change)) {
            if (value === null || value === undefined || value === '') delete next[key];
            else next[key] = value;
          }
          return next;
        }) as never,
        replace: options.replace ?? false,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [search, set];
}

/** What is open beside a list: `?peek=<id>`, with the records before and after it. */
export function usePeek(ids: readonly string[], name = 'peek') {
  const [search, set] = useSearchState();
  const id = search[name];
  return useMemo(() => {
    const at = id ? ids.indexOf(id) : -1;
    const to = (next: string | undefined) => (next ? () => set({ [name]: next }, { replace: true }) : null);
    return {
      id,
      open: (next: string) => set({ [name]: next }, { replace: id !== undefined }),
      close: () => set({ [name]: null }),
      previous: at > 0 ? to(ids[at - 1]) : null,
      next: at >= 0 ? to(ids[at + 1]) : null,
    };
  }, [id, ids, name, set]);
}
