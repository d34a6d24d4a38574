import type { Answer } from '@qd/api';
import { country, dateFormat, serverText, useTranslation } from '@qd/i18n';
import { Card, KeyValue } from '@qd/ui';
import { fieldName } from '../../lib/kyc';

type ProfileStep = Answer<'get', '/api/v1/me'>['profile']['steps'][number];

/** What I told, as it stands. */
export function ProfileFacts({ steps }: { steps: readonly ProfileStep[] }) {
  const { t, i18n } = useTranslation('trader-verify');
  const text = (field: ProfileStep['fields'][number], value: unknown): string | null => {
    if (value === null || value === undefined || value === '') return null;
    if (field.kind === 'bool') return t(value === true ? 'yes' : 'no');
    if (field.kind === 'country') return country(i18n.language, String(value));
    if (field.kind === 'date') return dateFormat(i18n.language, { dateStyle: 'long', timeZone: 'UTC' }).format(Date.parse(`${String(value)}T00:00:00Z`));
    if (field.kind === 'choice') return serverText('trader-verify', `option.${field.code}.${String(value)}`);
    return String(value);
  };
  return (
    <>
      {steps.map((step) => (
        <Card key={step.code} title={serverText('trader-verify', `profile.step.${step.code}`)}>
          <KeyValue items={step.fields.map((f) => ({ label: fieldName(f.code), value: text(f, (step.values as Record<string, unknown>)[f.code]) }))} />
        </Card>
      ))}
    </>
  );
}
