import { useSyncExternalStore } from 'react';

/** Whose clock times are shown in. `client`: the zone of the record's owner; `server`: the trading platform's. */
export type ZoneChoice = 'mine' | 'client' | 'utc' | 'server';
export type Density = 'comfortable' | 'compact';
export type Scheme = 'auto' | 'light' | 'dark';

export interface Prefs {
  zone: ZoneChoice;
  density: Density;
  scheme: Scheme;
  /** Single-key shortcuts; some people's tools type on their own. */
  shortcuts: boolean;
  navClosed: boolean;
}

const key = 'qd.prefs';
const fallback: Prefs = { zone: 'mine', density: 'comfortable', scheme: 'auto', shortcuts: true, navClosed: false };

function read(): Prefs {
  try {
    return { ...fallback, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Prefs>) };
  } catch {
    return fallback;
  }
}

let prefs = read();
const listeners = new Set<() => void>();

export const getPrefs = (): Prefs => prefs;

export function setPrefs(change: Partial<Prefs>): void {
  prefs = { ...prefs, ...change };
  try {
    localStorage.setItem(key, JSON.stringify(prefs));
  } catch {
    // A full or closed store: the choice lasts as long as the page.
  }
  dressPage();
  for (const tell of listeners) tell();
}

/** Before the first render, so that nobody sees the other scheme flash. */
export function dressPage(): void {
  const root = document.documentElement;
  root.dataset.qdDensity = prefs.density;
  const dark = prefs.scheme === 'dark' || (prefs.scheme === 'auto' && globalThis.matchMedia?.('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
}

if (typeof window !== 'undefined') {
  // Another tab changed it.
  window.addEventListener('storage', (event) => {
    if (event.key !== key) return;
    prefs = read();
    dressPage();
    for (const tell of listeners) tell();
  });
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    getPrefs,
    getPrefs,
  );
}
