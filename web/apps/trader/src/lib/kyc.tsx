import type { Answer } from '@qd/api';
import { hasText, serverText } from '@qd/i18n';
import { Steps, type Step } from '@qd/ui';

export type Kyc = Answer<'get', '/api/v1/me/kyc'>;
type KycStep = Kyc['steps'][number];

/** What a field of the profile is called. */
export const fieldName = (code: string): string => serverText('trader', `profile_field.${code}`);

/** What a requirement is called: "Identity document". */
export const requirementName = (code: string, titleKey?: string): string =>
  titleKey && hasText('shared', titleKey) ? serverText('shared', titleKey) : serverText('shared', `document.${code}`);

/** `profile.birth_date`, `document.identity.back`, `questionnaire` in words. */
export function missingName(what: string): string {
  if (what.startsWith('profile.')) return fieldName(what.slice('profile.'.length));
  if (hasText('status', `missing.${what}`)) return serverText('status', `missing.${what}`);
  const [kind, code] = what.split('.');
  return kind === 'document' && code ? requirementName(code) : serverText('trader', `kyc_step.${what}`);
}

/** The page where a step is worked on. */
export function pageOf(key: string): string | null {
  if (key === 'profile') return '/verification/profile';
  if (key === 'questionnaire') return '/verification/questionnaire';
  if (key.startsWith('document')) return '/verification/documents';
  return null;
}

/** Where to go on: the first step that waits for the client. */
export function whereNext(steps: readonly KycStep[]): string {
  const open = steps.find((s) => (s.state === 'attention' || s.state === 'todo') && pageOf(s.key));
  return (open && pageOf(open.key)) ?? '/verification';
}

export function kycStepName(key: string): string {
  const code = key.startsWith('document.') ? key.slice('document.'.length) : null;
  return code ? requirementName(code) : serverText('trader', `kyc_step.${key}`);
}

/** The same steps the back office sees. What is missing is named where something was begun. */
export function KycSteps({ kyc, action }: { kyc: Kyc; action?: (step: Step) => React.ReactNode }) {
  const steps: Step[] = kyc.steps.map((s) => ({
    key: s.key,
    at_us: s.at_us,
    state: s.state === 'waiting' ? 'current' : s.state,
    detail: s.state === 'waiting' ? serverText('trader', s.key === 'review' ? 'kyc_waits.review' : 'kyc_waits.document') : null,
    missing: [],
    waiting_for: null,
  }));
  return <Steps audience="client" steps={steps} label={(s) => kycStepName(s.key)} action={action} />;
}
