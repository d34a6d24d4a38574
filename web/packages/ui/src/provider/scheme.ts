import type { MantineColorSchemeManager } from '@mantine/core';
import { getPrefs, setPrefs } from './prefs';

/** Keeps Mantine's colour scheme in our preferences. */
export const schemeManager: MantineColorSchemeManager = {
  get: () => getPrefs().scheme,
  set: (scheme) => setPrefs({ scheme }),
  subscribe: () => {},
  unsubscribe: () => {},
  clear: () => setPrefs({ scheme: 'auto' }),
};
