import type { Feature } from '@qd/ui/app';
import { clients } from './features/clients/routes';
import { home } from './features/home/routes';
import { lines } from './features/lines/routes';
import { links } from './features/links/routes';
import { statements } from './features/statements/routes';
import { tree } from './features/tree/routes';

/** One line per feature folder. */
export const features: readonly Feature[] = [home, lines, clients, links, tree, statements];
