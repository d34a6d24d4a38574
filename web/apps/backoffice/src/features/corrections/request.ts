import { dayStartUs } from '@qd/ui';
import type { Request } from './words';

/** What was typed, of all causes; each takes what it asks for. */
export interface Draft {
  cause: Request['cause'];
  client: string;
  partner: string | null;
  parent: string | null;
  plan: string | null;
  from: string | null;
  to: string | null;
  server: string;
  ticket: string;
  lots: string;
  cancelled: boolean;
  minor: number | null;
  currency: string;
  note: string;
}

export const emptyDraft: Draft = { cause: 'rebook', client: '', partner: null, parent: null, plan: null, from: null, to: null, server: '', ticket: '', lots: '', cancelled: false, minor: null, currency: 'USD', note: '' };

export const causes = ['rebook', 'client_moved', 'partner_moved', 'plan_assigned', 'deal_corrected', 'manual'] as const;

/** The request the server takes; null while something is missing. */
export function requestOf(d: Draft, zone: string): Request | null {
  const from = d.from ? dayStartUs(d.from, zone) : null;
  const to = d.to ? dayStartUs(d.to, zone) : null;
  switch (d.cause) {
    case 'rebook':
      if (from === null) return null;
      return { cause: 'rebook', from_us: from, ...(to === null ? {} : { to_us: to }), ...(d.client ? { client_id: d.client.trim() } : {}), ...(d.partner ? { partner_id: d.partner } : {}) };
    case 'client_moved':
      return from === null || !d.client.trim() ? null : { cause: 'client_moved', client_id: d.client.trim(), partner: d.partner, at_us: from };
    case 'partner_moved':
      return from === null || !d.partner ? null : { cause: 'partner_moved', partner_id: d.partner, parent: d.parent, at_us: from };
    case 'plan_assigned':
      return from === null || !d.partner || !d.plan ? null : { cause: 'plan_assigned', partner_id: d.partner, plan_id: d.plan, at_us: from };
    case 'deal_corrected':
      if (!d.server.trim() || !d.ticket.trim() || (!d.cancelled && !/^\d+(\.\d{1,8})?$/.test(d.lots))) return null;
      return { cause: 'deal_corrected', server: d.server.trim(), ticket: d.ticket.trim(), cancelled: d.cancelled, ...(d.cancelled ? {} : { lots: d.lots }) } as Request;
    case 'manual':
      if (from === null || !d.partner || !d.minor || !d.note.trim()) return null;
      return { cause: 'manual', lines: [{ partner_id: d.partner, minor: d.minor, currency: d.currency, value_at_us: from, note: d.note.trim() }] };
    default:
      return null;
  }
}
