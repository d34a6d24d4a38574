import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { statusKinds } from './vocabulary';

const root = join(import.meta.dirname, '../../../../..');
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, Record<string, unknown>>;
const status = json('locales/en/status.json');
const words = json('locales/en/office-words.json');

/** Where the catalogue has the words of an enumeration of the API. */
const groups: Record<string, string> = {
  AccountKind: 'account_kind', AccountRights: 'trading_rights', AccountSyncState: 'sync', AppropriatenessClass: 'appropriateness',
  ApprovalState: 'approval', AttemptState: 'attempt', AttributionState: 'share', BulkState: 'bulk', CallDirection: 'direction',
  CallOutcome: 'call', ClientStage: 'stage', ClientStatus: 'lead_status', CommissionLineKind: 'line', CommissionLineState: 'commission_line',
  DepositState: 'deposit', DeskKind: 'desk_kind', DocumentFieldsSource: 'fields_source', DocumentSide: 'side', DuplicateState: 'duplicate',
  ExceptionState: 'exception', ExperimentState: 'experiment', KycCheckKind: 'check_kind', KycCheckOutcome: 'check', KycDocumentState: 'document', KycLevel: 'level',
  KycRequirementState: 'requirement', KycState: 'kyc', KycStepState: 'step_state', LedgerPurpose: 'purpose', MailState: 'mail', MarkKind: 'mark',
  Mask: 'mask', MessageChannel: 'channel', MoveDirection: 'direction', MoveKind: 'move_kind', MoveState: 'move', NoteKind: 'note_kind',
  PartnerPayoutState: 'payout', PartnerState: 'partner', PayoutMethod: 'payout_method', PlanRank: 'plan_rank', ProfileStepState: 'step_state',
  RejectKind: 'reject_kind', RestrictionKind: 'restriction', RiskBand: 'band', Role: 'role', RuleState: 'rule', Scope: 'scope', StepState: 'step_state',
  TaskState: 'task', TicketCategory: 'ticket_category', TicketPriority: 'ticket_priority', TicketState: 'ticket', TimelineVisibility: 'visibility',
  TradingAccountState: 'account', TransferState: 'transfer', WithdrawalLegState: 'leg', WithdrawalState: 'withdrawal',
};
/** Not read by people in these words. */
const silent = ['ClientCommand', 'ClientSort', 'FieldKind', 'ListName', 'Mime', 'RuleFactType', 'RuleOnError', 'Template', 'TicketMessageKind', 'TicketSide', 'TicketSort', 'TicketThen',
  // Told in sentences of their screens.
  'ClickOutcome', 'ClickSource', 'ReferralCaseState', 'SimulationState', 'WithdrawalLegKind',
  // No screen shows these yet.
  'BankEntryState', 'BankFileState', 'BankPaymentKind', 'BankPaymentState', 'WithdrawalQueue',
];

/** Every group of words in the catalogue, whatever its namespace: screens keep their own words. */
const groupsOf = (node: unknown): Record<string, unknown>[] => {
  if (typeof node !== 'object' || node === null) return [];
  const group = node as Record<string, unknown>;
  return [group, ...Object.values(group).flatMap(groupsOf)];
};
const catalogue = readdirSync(join(root, 'locales/en')).filter((file) => file.endsWith('.json')).flatMap((file) => groupsOf(json(`locales/en/${file}`)));
const saidSomewhere = (values: string[]) => catalogue.some((group) => values.every((value) => typeof group[value] === 'string'));

const at = (tree: unknown, path: string): unknown => path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree);

describe('the vocabulary of states', () => {
  it('has a word for every state it colours', () => {
    const missing = Object.entries(statusKinds).flatMap(([kind, values]) =>
      kind === 'step' || saidSomewhere(Object.keys(values)) ? [] : Object.keys(values).filter((value) => typeof status[kind]?.[value] !== 'string').map((value) => `${kind}.${value}`),
    );
    expect(missing).toEqual([]);
  });

  it('has a word for every value the API can answer', () => {
    const { schemas } = json('docs/api/openapi.json').components as unknown as { schemas: Record<string, { enum?: string[] }> };
    const missing: string[] = [];
    for (const [name, schema] of Object.entries(schemas)) {
      if (!schema.enum || silent.includes(name)) continue;
      if (name === 'Right') missing.push(...schema.enum.filter((value) => typeof at(words.right, value) !== 'string').map((value) => `right.${value}`));
      else if (!groups[name]) missing.push(...(saidSomewhere(schema.enum) ? [] : [`${name} (${schema.enum.join(', ')}) is said nowhere`]));
      else if (!saidSomewhere(schema.enum)) missing.push(...schema.enum.filter((value) => typeof status[groups[name] as string]?.[value] !== 'string').map((value) => `${groups[name]}.${value}`));
    }
    expect(missing).toEqual([]);
  });
});
