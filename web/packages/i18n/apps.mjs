// Which texts an app's first locale file carries. Everything else (a feature's own namespace) is a file
// of its own, loaded when the feature's route is.
export const apps = {
  auth: ['common', 'errors', 'auth'],
  trader: ['common', 'errors', 'status', 'shared', 'trader'],
  partner: ['common', 'errors', 'status', 'shared', 'partner'],
  backoffice: ['common', 'errors', 'status', 'shared', 'office'],
};

// What only staff ever reads; the clients' portals don't carry it.
const staffOnly = [
  'exception_kind', 'signal', 'role', 'scope', 'mask', 'queue', 'check_kind', 'check', 'mark', 'duplicate', 'note_kind',
  'call', 'desk_kind', 'inbox', 'rule', 'lead_status', 'connection', 'identity', 'move', 'move_kind', 'sync', 'line',
];
// What the server itself writes into papers and answers; no screen asks for it by key.
const serverOnly = ['paper', 'macro', 'country'];
// The appropriateness test: only a client answers it, in the Trader's Room.
const test = ['question', 'option', 'appropriateness'];
// Errors only staff can meet. A pattern, because their names say whose they are.
const staffErrors =
  /^(approval|duplicate|merge|exception|job|rule|restriction|stage|version_changed|last_super|own_rights|all_entities|entity_not|scope_too|mask_|staff_only|person_required|claimed_by|call_kept|task_closed|kyc_(claimed|not_claimed|mismatch|fields|documents_und|document_decided|case_changed|level)|leg_|move_|share_state|payout_|partner_state|rate_missing|period_|already_reversed|brand_|no_address|mail_|dispute|hold_closed|credit_over|deals_stopped|server_(not|paused)|break_not|mapping_|settlements_|psp_not|client_merged|client_exists|deposit_not_held|deposit_other)/;
// What only a client meets: their own words for states, and what their own forms are refused for.
const clientsOnly = ['deposit_client', 'kyc_client', 'ticket_client', 'line_kind'];
const clientErrors = /^(sign_in_|verification_too|email_unverified|profile_locked|kyc_(attempts|too_many|nothing_asked|test_passed|no_questionnaire|no_warning|answers_at_once|file_used)|account_(limit|type)_|withdrawal_not_cancellable|consent_|deposit_not_(cancellable|retryable)|declined_for_good|no_other_connection|method_not_routed|passwords_already|quote_|method_unavailable|amount_out_of_method|currency_not_offered|kyc_required|same_account)/;
const clients = { status: staffOnly, shared: serverOnly, errors: staffErrors };
/** Top keys left out of a namespace for an app: a list, or a pattern of names. */
export const without = { trader: clients, partner: { ...clients, shared: [...serverOnly, ...test] }, backoffice: { shared: [...serverOnly, ...test], status: clientsOnly, errors: clientErrors } };

/** Languages whose catalogue must be complete: `npm run i18n` fails when a key is missing. */
export const complete = ['en', 'de', 'ar'];

/** Namespaces that belong to the portals; mails and others beside them are not ours to check. */
export const portalNamespaces = [
  'common', 'errors', 'status', 'shared', 'legal', 'auth', 'trader', 'trader-verify', 'trader-accounts', 'trader-money', 'trader-care', 'partner', 'partner-why', 'partner-tools', 'office', 'security',
  'office-clients', 'office-kyc', 'office-money', 'office-partners', 'office-house', 'office-audit', 'office-connections', 'office-staff', 'office-tickets', 'office-record', 'office-words', 'office-settings', 'office-plans', 'office-engine', 'office-programmes', 'office-recon', 'office-servers',
];
