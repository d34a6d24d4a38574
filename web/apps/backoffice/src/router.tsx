import type { Feature } from '@qd/ui/app';
import { audit } from './features/audit/routes';
import { claims } from './features/claims/routes';
import { clients } from './features/clients/routes';
import { closing } from './features/closing/routes';
import { connections } from './features/connections/routes';
import { home } from './features/home/routes';
import { partners } from './features/partners/routes';
import { plans } from './features/plans/routes';
import { reconciliation } from './features/reconciliation/routes';
import { routing } from './features/routing/routes';
import { rules } from './features/rules/routes';
import { record } from './features/record/routes';
import { servers } from './features/servers/routes';
import { settings } from './features/settings/routes';
import { staff } from './features/staff/routes';
import { approvals } from './features/approvals/routes';
import { corrections } from './features/corrections/routes';
import { deposits } from './features/deposits/routes';
import { exceptions } from './features/exceptions/routes';
import { material } from './features/material/routes';
import { ledger } from './features/ledger/routes';
import { kyc } from './features/kyc/routes';
import { withdrawals } from './features/withdrawals/routes';
import { tasks } from './features/tasks/routes';
import { tickets } from './features/tickets/routes';

/** One line per feature folder. */
export const features: readonly Feature[] = [home, clients, kyc, approvals, withdrawals, partners, deposits, routing, ledger, reconciliation, exceptions, plans, closing, corrections, claims, material, rules, settings, record, audit, connections, servers, staff, tasks, tickets];
