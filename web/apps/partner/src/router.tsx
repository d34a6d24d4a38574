import type { Feature } from '@qd/ui/app';
import { home } from './features/home/routes';

/** One line per feature folder. */
export const features: readonly Feature[] = [home];
