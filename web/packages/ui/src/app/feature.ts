import type { AnyRoute } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { NavItem } from '../frame/nav';
import type { PaletteItem } from '../keys/Palette';

/** What a feature folder gives its app: screens, entries in the navigation, actions of the palette. */
export interface Feature {
  routes: (root: AnyRoute) => AnyRoute[];
  nav?: readonly NavItem[];
  /** Actions for Ctrl+K; `go` is the router's. Shown only to those with the right. */
  actions?: (go: (to: string) => void) => readonly (PaletteItem & { rights?: readonly string[] })[];
}

export interface Portal {
  app: 'trader' | 'partner' | 'backoffice';
  /** `/`, `/partner`, `/office`. */
  base: string;
  namespace: 'trader' | 'partner' | 'office';
  /** Whose portal it is: the other kind of person is shown the way to theirs. */
  who: 'client' | 'staff';
  /** Called at each render. */
  name?: () => string;
  groups?: () => readonly { id: string; label: string }[];
  bottomBar?: boolean;
  /** Ctrl+K: finds records and runs actions. */
  palette?: boolean;
  /** For people who sit here all day: density, shortcuts. */
  desk?: boolean;
  /** What a notification or a search result opens: `client:cli_…` -> `/clients/cli_…`. */
  addressOf?: (object: string) => string | null;
  /** A hook: entries that depend on more than rights, a partner's for example. */
  useMoreNav?: () => readonly NavItem[];
  /** Lines above every page: a risk warning, an unverified address. */
  above?: () => ReactNode;
}

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** Any of these rights opens the screen; typing its address without one says "not for your role". */
    rights?: readonly string[];
  }
}
