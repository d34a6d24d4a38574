import { useTranslation } from '@qd/i18n';
import { EnrolSecondFactor, PasswordForm } from '@qd/ui/security';
import { Page } from '../Page';

interface SecureProps {
  step: 'password' | 'enrol';
  /** The first password, typed a moment ago. */
  current: string | undefined;
  staff: boolean;
  onDone: () => void;
}

/** What the house asks for before anything else is open. */
export default function Secure({ step, current, staff, onDone }: SecureProps) {
  const { t } = useTranslation('auth');
  return step === 'password' ? (
    <Page title={t('change.title')} lead={t('change.lead')}>
      <PasswordForm current={current} staff={staff} onDone={onDone} />
    </Page>
  ) : (
    <Page title={t('enrol.title')} lead={t('enrol.lead')}>
      <EnrolSecondFactor onDone={onDone} />
    </Page>
  );
}
