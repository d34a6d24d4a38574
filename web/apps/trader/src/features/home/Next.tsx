import { Button } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { country, serverText, useTranslation } from '@qd/i18n';
import { Link } from '@tanstack/react-router';
import { KycSteps, whereNext } from '../../lib/kyc';
import type { NextStep, Record_ } from '../../lib/next';
import classes from '../../lib/room.module.css';

const links: Record<NextStep, string | null> = {
  email: '/profile',
  renew: '/verification/documents',
  rejected: '/support/new',
  verify: '/verification',
  resubmit: '/verification/documents',
  reviewing: null,
  account: '/accounts/new',
  account_waits: '/accounts',
  first_deposit: '/deposit',
  deposit_waits: '/history',
  none: '/deposit',
};

/** The one thing to do now, or what is going on without the client. */
export function Next({ step, me }: { step: NextStep; me: Record_ }) {
  const { t, i18n } = useTranslation('trader');
  const verifying = step === 'verify' || step === 'resubmit' || step === 'reviewing' || step === 'renew';
  const kyc = useApiQuery('/api/v1/me/kyc', verifying ? undefined : (null as never));
  const to = step === 'verify' && kyc.data ? whereNext(kyc.data.steps) : links[step];
  const reason = step === 'rejected' && kyc.data?.outcome_text_key ? serverText('shared', kyc.data.outcome_text_key) : null;
  return (
    <section className={classes.next} aria-labelledby="next-step">
      <h2 id="next-step">{t(`next.${step}.title`)}</h2>
      <p>{reason ?? t(`next.${step}.text`)}</p>
      {verifying && kyc.data && <KycSteps kyc={kyc.data} />}
      {to && (
        <div className={classes.nextFoot}>
          <Button component={Link} to={to} size="md">
            {t(`next.${step}.action` as never)}
          </Button>
          {step === 'first_deposit' && <span className={classes.note}>{t('next.country', { country: country(i18n.language, me.country) })}</span>}
        </div>
      )}
    </section>
  );
}
