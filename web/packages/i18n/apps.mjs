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
/** Top keys left out of a namespace for an app. */
export const without = { trader: { status: staffOnly }, partner: { status: staffOnly } };

/** Languages whose catalogue must be complete: `npm run i18n` fails when a key is missing. */
export const complete = ['en', 'de', 'ar'];

/** Namespaces that belong to the portals; mails and others beside them are not ours to check. */
export const portalNamespaces = [
  'common', 'errors', 'status', 'shared', 'legal', 'auth', 'trader', 'trader-verify', 'trader-accounts', 'trader-money', 'trader-care', 'partner', 'office', 'security',
  'office-clients', 'office-kyc', 'office-money', 'office-partners', 'office-house', 'office-audit', 'office-connections', 'office-staff', 'office-words',
];
