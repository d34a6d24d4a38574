/** What an app must know before its first screen: the brand, its languages, what it offers. */

import { useQuery } from '@tanstack/react-query';
import { call, type Schema } from './client';
import type { ApiError } from './errors';

export type Boot = Schema<'Boot'>;
export type DemoSignIn = Schema<'BootSignIn'>;

/** A legal text in a language, English in its place, else nothing. */
export function legalText(boot: Boot | undefined, use: string, language: string): string | undefined {
  const text = boot?.texts.find((t) => t.use === use)?.text;
  return text?.[language] ?? text?.en;
}

/** One request per page; shared by everything that asks. */
export function useBoot() {
  return useQuery<Boot, ApiError>({
    queryKey: ['boot'],
    queryFn: ({ signal }) => call('get', '/api/v1/public/boot', {}, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    meta: { live: 'off' },
  });
}
