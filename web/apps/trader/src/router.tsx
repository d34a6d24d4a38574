import type { Feature } from '@qd/ui/app';
import { accounts } from './features/accounts/routes';
import { care } from './features/care/routes';
import { home } from './features/home/routes';
import { money } from './features/money/routes';
import { verify } from './features/verify/routes';

/** One line per feature folder. */
export const features: readonly Feature[] = [home, accounts, money, verify, care];
