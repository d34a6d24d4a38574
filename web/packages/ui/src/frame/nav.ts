import type { Icon } from '@tabler/icons-react';

/** An entry of the navigation; it is absent for those who may not use it. */
export interface NavItem {
  /** Below the app's base: `/clients`. */
  to: string;
  /** Called at each render, so that a new language shows at once. */
  label: () => string;
  icon: Icon;
  /** Any of these rights opens it; none named: everybody. */
  rights?: readonly string[];
  /** Heading it stands under. */
  group?: string;
  /** Position; smaller is higher. */
  order?: number;
  /** Second key after G: `c` makes "g c". */
  key?: string;
  /** How much waits there. */
  badge?: () => number | undefined;
  /** In a phone's bottom bar (the first four). */
  bar?: boolean;
}
