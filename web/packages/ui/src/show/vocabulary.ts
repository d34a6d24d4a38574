/**
 * One vocabulary of states for all portals. A state has a word (`status` namespace), a colour and a
 * shape; the shape says the same as the colour to those who do not see it.
 */
export type Tone = 'idle' | 'info' | 'wait' | 'good' | 'warn' | 'bad';

const tones: Record<string, Record<string, Tone>> = {
  stage: { lead: 'info', registered: 'info', verified: 'good', funded: 'good', dormant: 'idle', churned: 'bad' },
  lead_status: { new: 'info', contacted: 'good', no_answer: 'warn', callback: 'wait', interested: 'good', not_interested: 'idle' },
  kyc: { none: 'idle', open: 'idle', collecting: 'info', submitted: 'wait', in_review: 'wait', resubmission: 'warn', approved: 'good', rejected: 'bad', expired: 'bad' },
  requirement: { missing: 'idle', side_missing: 'warn', pending: 'wait', rejected: 'bad', accepted: 'good' },
  document: { pending: 'wait', accepted: 'good', rejected: 'bad', replaced: 'idle', outdated: 'warn' },
  check: { clear: 'good', hit: 'bad', error: 'warn', pending: 'wait' },
  band: { low: 'good', medium: 'warn', high: 'bad' },
  deposit: { created: 'idle', redirected: 'info', pending: 'wait', held: 'warn', succeeded: 'info', posted: 'good', failed: 'bad', expired: 'idle', cancelled: 'idle', refunding: 'wait', refunded: 'idle' },
  attempt: { created: 'idle', redirected: 'info', pending: 'wait', paid: 'good', paid_second: 'warn', failed: 'bad', expired: 'idle', cancelled: 'idle' },
  withdrawal: { collecting: 'info', deciding: 'info', review: 'wait', approved: 'info', paying: 'info', paid: 'good', returned: 'warn', refused: 'bad', rejected: 'bad', cancelled: 'idle' },
  leg: { planned: 'idle', sending: 'info', pending: 'wait', paid: 'good', returned: 'warn' },
  transfer: { collecting: 'info', sending: 'info', done: 'good', refused: 'bad', returned: 'warn' },
  move: { queued: 'idle', sending: 'info', unknown: 'warn', done: 'good', refused: 'bad', returned: 'warn' },
  account: { requested: 'info', opening: 'info', ready: 'good', failed: 'bad', closed: 'idle' },
  account_kind: { live: 'good', demo: 'idle' },
  sync: { synced: 'good', pending: 'wait', failed: 'bad' },
  trading_rights: { full: 'good', read_only: 'warn', blocked: 'bad' },
  approval: { waiting: 'wait', approved: 'good', refused: 'bad', cancelled: 'idle', expired: 'idle' },
  exception: { open: 'warn', resolved: 'good', dismissed: 'idle' },
  rule: { active: 'good', shadow: 'info', retired: 'idle' },
  partner: { applied: 'info', active: 'good', suspended: 'warn', terminated: 'bad' },
  share: { active: 'good', held: 'warn', refused: 'bad' },
  payout: { prepared: 'wait', released: 'info', paid: 'good', refused: 'bad', returned: 'warn' },
  close: { checked: 'wait', running: 'info', stuck: 'warn', done: 'good', signed_off: 'good' },
  claim: { open: 'wait', accepted: 'good', refused: 'bad', withdrawn: 'idle' },
  batch: { prepared: 'wait', released: 'info', done: 'good', refused: 'bad' },
  correction: { prepared: 'wait', refused: 'bad', applying: 'info', applied: 'good' },
  statement: { open: 'info', closed: 'good', paid: 'good' },
  line: { accrual: 'good', reversal: 'bad' },
  task: { open: 'info', done: 'good', cancelled: 'idle' },
  duplicate: { open: 'warn', merged: 'good', linked: 'info', dismissed: 'idle' },
  restriction: { deposits: 'bad', withdrawals: 'bad', trading: 'bad', sign_in: 'bad', everything: 'bad' },
  mail: { queued: 'wait', sent: 'good', refused: 'bad' },
  hold: { pending: 'wait', settled: 'good', released: 'idle', expired: 'idle' },
  dispute: { open: 'bad', needs_response: 'bad', under_review: 'wait', won: 'good', lost: 'bad', closed: 'idle' },
  identity: { active: 'good', disabled: 'bad', invited: 'info', locked: 'warn' },
  step: { done: 'good', current: 'wait', waiting: 'idle', failed: 'bad', todo: 'idle', attention: 'warn' },
  call: { reached: 'good', no_answer: 'warn', voicemail: 'info', wrong_number: 'bad', callback: 'wait' },
  inbox: { new: 'info', processed: 'good', ignored: 'idle', failed: 'bad' },
  ticket: { open: 'info', waiting_us: 'wait', waiting_client: 'idle', solved: 'good', closed: 'idle' },
  ticket_priority: { low: 'idle', normal: 'info', high: 'warn', urgent: 'bad' },
  bulk: { waiting: 'wait', changed: 'good', unchanged: 'idle', failed: 'bad' },
  programme: { registered: 'wait', qualified: 'good', not_qualified: 'idle', declined: 'bad', on_hold: 'warn' },
  postback_send: { waiting: 'wait', done: 'good', failed: 'bad', dropped: 'idle' },
  commission_line: { open: 'info', stated: 'good', zero: 'idle' },
  appropriateness: { pass: 'good', warn: 'warn', block: 'bad' },
  break: { open: 'warn', deciding: 'wait', resolved: 'good', explained: 'good' },
  settlement_file: { stored: 'idle', reading: 'info', settling: 'info', done: 'good', refused: 'bad' },
  settlement_line: { open: 'wait', matched: 'good', noted: 'idle', repeated: 'idle', broken: 'bad', explained: 'good' },
  login_mapping: { proposed: 'wait', conflict: 'warn', stranger: 'idle', accepted: 'good', refused: 'idle' },
  connection: { up: 'good', slow: 'warn', down: 'bad', unknown: 'idle', paused: 'warn', disabled: 'idle' },
  experiment: { running: 'info', ended: 'idle' },
};

export type StatusKind = keyof typeof tones | (string & {});

/** A state nobody listed is neutral, not a fault. */
export const toneOf = (kind: string, value: string): Tone => tones[kind]?.[value] ?? 'idle';

export const statusKinds = tones;
