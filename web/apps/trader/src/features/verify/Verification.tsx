import { Anchor, Button, Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Card, ErrorState, Notice, Page, StatusChip } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { KycSteps, missingName, pageOf, whereNext } from '../../lib/kyc';
import { useMoment } from '../../lib/parts';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';
import { HandIn } from './HandIn';

/** Where the verification stands: the same steps the back office sees. */
function VerificationScreen() {
  const { t } = useTranslation('trader-verify');
  const moment = useMoment();
  const kyc = useApiQuery('/api/v1/me/kyc');
  const k = kyc.data;
  const next = k && ['open', 'collecting', 'resubmission', 'expired'].includes(k.state) && !k.can_submit ? whereNext(k.steps) : null;
  return (
    <Page title={t('title')} width="text" aside={k && <StatusChip kind="kyc" value={k.state} audience="client" />} text={t(k?.state === 'approved' ? 'text_approved' : 'text')}>
      {kyc.error && !k ? (
        <ErrorState error={kyc.error} onRetry={() => void kyc.refetch()} />
      ) : !k ? (
        <Skeleton height={240} radius="md" />
      ) : (
        <>
          {k.state === 'approved' && k.approved_at_us && <Notice tone="good">{t('approved_at', { when: moment(k.approved_at_us) })}</Notice>}
          {k.state === 'rejected' && (
            <Notice
              tone="bad"
              title={t('rejected')}
              action={
                <Button component={Link} to="/support/new" variant="default" size="compact-md">
                  {t('ask_us')}
                </Button>
              }
            >
              {k.outcome_text_key ? serverText('shared', k.outcome_text_key) : null}
            </Notice>
          )}
          {(k.state === 'submitted' || k.state === 'in_review') && <Notice>{t('reviewing')}</Notice>}
          {k.state === 'resubmission' && <Notice tone="warn">{t('resubmission')}</Notice>}
          {k.state === 'expired' && <Notice tone="warn">{t('expired')}</Notice>}
          <Card>
            <KycSteps
              kyc={k}
              action={(step) => {
                const page = pageOf(step.key);
                const source = k.steps.find((s) => s.key === step.key);
                const open = step.state === 'attention' || step.state === 'todo';
                return (
                  <>
                    {step.state === 'attention' && source && source.missing.length > 0 && (
                      <p className={classes.note}>{t('missing', { what: source.missing.map(missingName).join(', ') })}</p>
                    )}
                    {page && (
                      <Anchor component={Link} to={page} size="sm">
                        {open ? t('do_step') : t('see_step')}
                      </Anchor>
                    )}
                  </>
                );
              }}
            />
          </Card>
          <div className={classes.foot}>
            {k.can_submit && <HandIn />}
            {next && next !== '/verification' && (
              <Button component={Link} to={next} size="md">
                {t('continue')}
              </Button>
            )}
            {k.state === 'approved' && (
              <Button component={Link} to="/deposit" size="md">
                {t('to_deposit')}
              </Button>
            )}
          </div>
        </>
      )}
    </Page>
  );
}

export const Verification = proven(VerificationScreen, 'trader:nav.verification');
