import type { Schema } from '@qd/api';
import { country, hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Chip, KeyValue, Value, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import classes from './record.module.css';

/** What the client said about themselves, step by step, in the reader's words. */
export function ProfileFacts({ profile }: { profile: Schema<'Profile'> }) {
  const { t, i18n } = useTranslation('office-record');
  const reviews = useCan('kyc.view');
  const word = (key: string, code: string) => (hasText('office-record', key) ? serverText('office-record', key) : hasText('status', `missing.profile.${code}`) ? serverText('status', `missing.profile.${code}`) : plain(code));
  const show = (kind: string, code: string, value: unknown) => {
    if (value === null || value === undefined || value === '') return null;
    if (typeof value === 'boolean') return value ? t('yes') : t('no');
    const text = String(value);
    if (kind === 'country' && text.length === 2) return country(i18n.language, text);
    if (kind === 'choice') return hasText('office-record', `profile.choice.${code}.${text}`) ? serverText('office-record', `profile.choice.${code}.${text}`) : plain(text);
    if (kind === 'date' && /^\d{4}-\d\d-\d\d$/.test(text)) return <When us={Date.parse(text) * 1000} as="date" />;
    return <bdi dir="auto"><Value>{text}</Value></bdi>;
  };
  return (
    <div className={classes.dups}>
      {profile.steps.map((s) => (
        <section key={s.code}>
          <h3 className={classes.step}>
            {word(`profile.step.${s.code}`, s.code)} <Chip tone={s.state === 'complete' ? 'good' : 'idle'} label={s.state === 'complete' ? t('profile.complete') : t('profile.open')} />
          </h3>
          <KeyValue items={s.fields.filter((f) => reviews || s.values[f.code] !== undefined).map((f) => ({ label: word(`profile.field.${f.code}`, f.code), value: show(f.kind, f.code, s.values[f.code]), optional: !f.required }))} />
        </section>
      ))}
    </div>
  );
}
