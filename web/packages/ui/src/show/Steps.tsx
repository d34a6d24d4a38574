import { duration, hasText, serverText, useTranslation } from '@qd/i18n';
import { IconAlertTriangle, IconCheck, IconClock, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { When } from './When';
import classes from './Steps.module.css';

/** As the API answers them: the same shape for money, verification and accounts. */
export interface Step {
  key: string;
  state: 'done' | 'current' | 'waiting' | 'failed' | 'todo' | 'attention' | (string & {});
  at_us?: number | null;
  /** How long this step usually takes from here, in seconds. */
  expected_s?: number | null;
  /** `client`, `compliance`, `finance`, `provider`, `platform`. */
  waiting_for?: string | null;
  detail?: string | null;
  missing?: readonly string[];
}

export interface StepsProps {
  steps: readonly Step[];
  /** Clients read friendlier words (`step_client.…`). */
  audience?: 'staff' | 'client';
  /** What can be done at a step, shown below it. */
  action?: (step: Step) => ReactNode;
  /** Name for people when the catalogue has none. */
  label?: (step: Step) => ReactNode;
}

export function stepText(key: string, audience: 'staff' | 'client' = 'staff'): string {
  const friendly = `step_client.${key}`;
  return serverText('status', audience === 'client' && hasText('status', friendly) ? friendly : `step.${key}`);
}

/** Where something is: done with times, what is going on now, how long that takes, who has to act. */
export function Steps({ steps, audience = 'staff', action, label }: StepsProps) {
  const { t, i18n } = useTranslation(['common', 'status']);
  return (
    <ol className={classes.steps}>
      {steps.map((step) => {
        const live = step.state === 'current' || step.state === 'attention' || step.state === 'failed';
        return (
          <li key={step.key} className={classes.step} data-state={step.state} aria-current={step.state === 'current' ? 'step' : undefined}>
            <span className={classes.dot} aria-hidden>
              <Mark state={step.state} />
            </span>
            <div className={classes.body}>
              <p className={classes.head}>
                <span className={classes.name}>{label?.(step) ?? stepText(step.key, audience)}</span>
                <span className="qd-hidden">{serverText('status', `step_state.${step.state}`)}</span>
                {step.at_us ? (
                  <span className={classes.when}>
                    <When us={step.at_us} />
                  </span>
                ) : null}
              </p>
              {live && step.waiting_for && (
                <p className={classes.note}>
                  {serverText('status', `waiting_for.${step.waiting_for}`)}
                  {step.expected_s ? ` · ${t('common:steps.expected', { time: duration(i18n.language, step.expected_s) })}` : ''}
                </p>
              )}
              {step.detail && <p className={classes.note}>{hasText('status', `reason.${step.detail}`) ? serverText('status', `reason.${step.detail}`) : <bdi dir="auto">{step.detail}</bdi>}</p>}
              {step.missing?.length ? (
                <ul className={classes.missing}>
                  {step.missing.map((what) => (
                    <li key={what}>{serverText('status', `missing.${what}`)}</li>
                  ))}
                </ul>
              ) : null}
              {action && <div>{action(step)}</div>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Mark({ state }: { state: string }) {
  if (state === 'done') return <IconCheck size={14} stroke={2.6} />;
  if (state === 'failed') return <IconX size={14} stroke={2.6} />;
  if (state === 'attention') return <IconAlertTriangle size={13} stroke={2.4} />;
  if (state === 'current') return <IconClock size={14} stroke={2.2} />;
  return null;
}
