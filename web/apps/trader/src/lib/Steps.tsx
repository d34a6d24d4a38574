import { duration, hasText, serverText, useTranslation } from '@qd/i18n';
import { Steps, type Step } from '@qd/ui';
import { useEffect, useState } from 'react';

/** 72 -> "01:12", as people read waiting times beside a running clock. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3_600);
  return `${hours > 0 ? `${two(hours)}:` : ''}${two(Math.floor((whole % 3_600) / 60))}:${two(whole % 60)}`;
}

/** "Sent, waiting 00:12": counts on from what the server said, so that nobody wonders whether it stands. */
export function Waiting({ seconds, since }: { seconds: number; since?: number }) {
  const { t } = useTranslation('trader');
  const [start, setStart] = useState(() => (since ?? Date.now()) - seconds * 1000);
  const [now, setNow] = useState(Date.now());
  useEffect(() => setStart((since ?? Date.now()) - seconds * 1000), [seconds, since]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <span className="qd-num">{t('waiting', { time: clock((now - start) / 1000) })}</span>;
}

/** What stands at a step, in the client's words. */
export function detailText(detail: string, unknown: 'other' | 'payment' = 'other'): string {
  const [word = '', value] = detail.split(/:(.*)/);
  if (word.endsWith('sent_waiting')) return serverText('trader', 'waiting', { time: clock(Number(value ?? 0)) });
  for (const [namespace, key] of [
    ['trader', `detail.${word}`],
    ['trader', `failure.${word}`],
    ['status', `reason.${word}`],
  ] as const) {
    if (hasText(namespace, key)) return serverText(namespace, key);
  }
  return serverText('trader', `failure.${unknown}`);
}

/** A step's name; while it is going on, what is being done. */
export const stepName = (key: string, state?: string): string =>
  state === 'current' && hasText('trader', `now.${key}`) ? serverText('trader', `now.${key}`) : serverText('trader', `step.${key}`);

/** The steps of a request, as its client reads them. */
export function ClientSteps({ steps }: { steps: readonly Step[] }) {
  const { i18n } = useTranslation('trader');
  return (
    <Steps
      audience="client"
      label={(step) => stepName(step.key, step.state)}
      steps={steps.map((step) => {
        const live = step.state === 'current';
        const parts = [
          live && step.waiting_for ? serverText('trader', `waiting_for.${step.waiting_for}`) : '',
          live && step.expected_s ? serverText('trader', 'usually', { time: duration(i18n.language, step.expected_s) }) : '',
          step.detail ? detailText(step.detail, step.key.startsWith('deposit.') && step.state === 'failed' ? 'payment' : 'other') : '',
        ].filter(Boolean);
        return { ...step, waiting_for: null, expected_s: null, detail: parts.length > 0 ? parts.join(' · ') : null };
      })}
    />
  );
}
