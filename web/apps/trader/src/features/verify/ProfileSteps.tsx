import { Button, Progress, Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ErrorState, Notice, Page, useSearchState } from '@qd/ui';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef } from 'react';
import { whereNext } from '../../lib/kyc';
import { useRecord } from '../../lib/queries';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';
import { ProfileForm } from './ProfileForm';
import { ProfileFacts } from './ProfileFacts';

const locked = ['submitted', 'in_review', 'approved', 'rejected'];

/** The profile, one small step at a time; the server knows which is next, whatever the device. */
function ProfileStepsScreen() {
  const { t } = useTranslation('trader-verify');
  const [search, set] = useSearchState();
  const navigate = useNavigate();
  const writing = useRef(false);
  const record = useRecord();
  const kyc = useApiQuery('/api/v1/me/kyc');
  const me = record.data;
  const crumbs = [{ label: t('title'), to: '/verification' }];
  if (record.error && !me)
    return (
      <Page title={t('profile.title')} crumbs={crumbs} width="text">
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      </Page>
    );
  if (!me)
    return (
      <Page title={t('profile.title')} crumbs={crumbs} width="text">
        <Skeleton height={320} radius="md" />
      </Page>
    );
  const steps = me.profile.steps;
  if (locked.includes(me.kyc.state ?? '') && me.profile.complete) {
    return (
      <Page title={t('profile.title')} crumbs={crumbs} width="text">
        <Notice
          action={
            <Button component={Link} to="/support/new" variant="default" size="compact-md">
              {t('ask_us')}
            </Button>
          }
        >
          {t('profile.locked')}
        </Notice>
        <ProfileFacts steps={steps} />
      </Page>
    );
  }
  const code = steps.some((s) => s.code === search.step) ? search.step : (me.profile.resume ?? steps[0]?.code);
  const at = Math.max(0, steps.findIndex((s) => s.code === code));
  const step = steps[at];
  // Whoever has just saved a step writes on in the next one: its first empty field has the keyboard.
  const onward = (done: { complete: boolean; resume?: string | null }) => {
    writing.current = true;
    const after = steps[at + 1];
    if (after && !done.complete) set({ step: after.state === 'complete' ? (done.resume ?? after.code) : after.code });
    else if (done.complete) void kyc.refetch().then((k) => navigate({ to: k.data ? whereNext(k.data.steps) : '/verification' }));
    else set({ step: done.resume ?? null });
  };
  return (
    <Page title={step ? t(`profile.step.${step.code}` as never, { defaultValue: t('profile.title') }) : t('profile.title')} crumbs={crumbs} width="text" text={t('profile.count', { n: at + 1, of: steps.length })}>
      <Progress value={((at + 1) / Math.max(1, steps.length)) * 100} aria-label={t('profile.count', { n: at + 1, of: steps.length })} />
      {step && (
        <ProfileForm
          key={step.code}
          step={step}
          country={me.country}
          focus={writing.current}
          onDone={onward}
          before={
            at > 0 ? (
              <Button variant="default" onClick={() => set({ step: steps[at - 1]!.code })}>
                {t('profile.before')}
              </Button>
            ) : null
          }
        />
      )}
      <p className={classes.note}>{t('profile.saved_here')}</p>
    </Page>
  );
}

export const ProfileSteps = proven(ProfileStepsScreen, 'trader:nav.verification');
