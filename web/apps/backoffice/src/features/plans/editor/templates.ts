import type { PlanDoc } from './document';

/** How deals are usually agreed; each is a start that only wants its figures. */
export const templates: Record<'per_lot' | 'tiered' | 'chain' | 'spread' | 'cpa' | 'revenue' | 'hybrid', Partial<PlanDoc>> = {
  per_lot: {
    rules: [
      { id: 'fx', kind: 'base', pay: 'per_lot', rate: '8.00' },
      { id: 'metals', kind: 'base', pay: 'per_lot', rate: '5.00', scope: { product_groups: ['metals'] } },
      { id: 'indices', kind: 'base', pay: 'per_lot', rate: '0.60', scope: { product_groups: ['indices'] } },
    ],
    exclusions: { min_duration_secs: 180 },
  },
  tiered: {
    tiers: [{ id: 'volume', measure: 'lots', window: 'calendar_month', scope: 'own', kind: 'marginal', thresholds: ['100', '300'] }],
    rules: [{ id: 'fx', kind: 'base', pay: 'per_lot', tier: 'volume', rates: ['6.00', '7.00', '8.00'] }],
    exclusions: { min_duration_secs: 180 },
  },
  chain: { rules: [{ id: 'fx', kind: 'base', pay: 'per_lot', rate: '10.00' }], override: { method: 'differential' } },
  spread: { rules: [{ id: 'spread', kind: 'base', pay: 'spread', rate: '0.30', spread_at: 'half', damped: true }] },
  cpa: { rules: [], cpa: { amounts: [{ countries: ['DE', 'AT', 'CH'], amount: '400' }, { countries: [], amount: '80' }], first_deposit: { min: '200', window_hours: 24 }, activity: { lots: '3' }, window: { days: 45, from: 'first_deposit' }, kyc: 'inside_window', hold_days: 30 } },
  revenue: { rules: [], revenue_share: { share: '0.30', net: { client_result: true, commission: true, swap: true, bonus: true, payment_fee: true, chargeback: true }, carry: { kind: 'carry' } } },
  hybrid: { rules: [{ id: 'fx', kind: 'base', pay: 'per_lot', rate: '3.00', after: 'qualification' }], cpa: { amounts: [{ countries: [], amount: '250' }], first_deposit: { min: '200', window_hours: 24 }, activity: { lots: '3' }, window: { days: 45 }, hold_days: 30 } },
};
