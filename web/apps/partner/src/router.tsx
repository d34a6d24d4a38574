import type { Feature } from '@qd/ui/app';
import { claims } from './features/claims/routes';
import { clients } from './features/clients/routes';
import { funnel } from './features/funnel/routes';
import { home } from './features/home/routes';
import { lines } from './features/lines/routes';
import { links } from './features/links/routes';
import { material } from './features/material/routes';
import { postbacks } from './features/postbacks/routes';
import { programmes } from './features/programmes/routes';
import { statements } from './features/statements/routes';
import { tree } from './features/tree/routes';

/** One line per feature folder. */
export const features: readonly Feature[] = [home, lines, clients, claims, programmes, links, funnel, material, postbacks, tree, statements];
