import type { Feature } from '@qd/ui/app';
import { audit } from './features/audit/routes';
import { clients } from './features/clients/routes';
import { connections } from './features/connections/routes';
import { home } from './features/home/routes';
import { partners } from './features/partners/routes';
import { record } from './features/record/routes';
import { staff } from './features/staff/routes';
import { kyc } from './features/kyc/routes';
import { withdrawals } from './features/withdrawals/routes';
import { tasks } from './features/tasks/routes';
import { tickets } from './features/tickets/routes';

/** One line per feature folder. */
export const features: readonly Feature[] = [home, clients, kyc, withdrawals, partners, record, audit, connections, staff, tasks, tickets];
