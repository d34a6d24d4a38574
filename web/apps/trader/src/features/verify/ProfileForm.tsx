import { Button, Radio, Select, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { type Answer, useWrite } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { focusErrors, Notice, showProblem, useForm } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { fieldName } from '../../lib/kyc';
import classes from '../../lib/room.module.css';
import { allCountries, countriesOf } from './countries';

type Step = Answer<'get', '/api/v1/me'>['profile']['steps'][number];
type Field = Step['fields'][number];
type Values = Record<string, string>;

/** What browsers fill in by themselves. */
const fills: Record<string, string> = {
  first_name: 'given-name',
  last_name: 'family-name',
  birth_date: 'bday',
  street: 'street-address',
  postal_code: 'postal-code',
  city: 'address-level2',
  country: 'country',
};

function toSend(field: Field, text: string): unknown {
  if (text.trim() === '') return null;
  if (field.kind === 'bool') return text === 'true';
  if (field.kind === 'int') return Number.parseInt(text, 10);
  return text.trim();
}

interface ProfileFormProps {
  step: Step;
  country: string;
  onDone: (profile: Answer<'patch', '/api/v1/me'>) => void;
  before: ReactNode;
  /** Begin in the first field to be written, if the step begins with one. */
  focus: boolean;
}

export function ProfileForm({ step, country, onDone, before, focus }: ProfileFormProps) {
  const whole = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!focus) return;
    const first = whole.current?.querySelector<HTMLInputElement>('input');
    if (first?.type === 'text' && first.name !== '' && first.value === '') first.focus();
  }, [focus]);
  const { t } = useTranslation('trader-verify');
  const [general, setGeneral] = useState<string | null>(null);
  const known = step.values as Record<string, unknown>;
  const form = useForm<Values>({
    initialValues: Object.fromEntries(
      step.fields.map((f) => {
        // Most people are citizens and pay their taxes where they live; the others change it with one tap.
        const value = known[f.code] ?? (f.kind === 'country' ? country : null);
        return [f.code, value === null || value === undefined ? '' : String(value)];
      }),
    ),
    validate: Object.fromEntries(
      step.fields.filter((f) => f.required).map((f) => [f.code, (v: string) => (v.trim() === '' ? serverText('errors', 'field.required') : null)]),
    ),
  });
  const save = useWrite('patch', '/api/v1/me', { touches: ['client', 'kyc'], onDone });
  const send = async (values: Values) => {
    setGeneral(null);
    try {
      await save.run({ body: { step: step.code, values: Object.fromEntries(step.fields.map((f) => [f.code, toSend(f, values[f.code] ?? '')])) } });
    } catch (error) {
      const map = Object.fromEntries(step.fields.flatMap((f) => [[`/values/${f.code}`, f.code], [`values.${f.code}`, f.code]]));
      setGeneral(showProblem(form, error, map));
    }
  };
  return (
    <form ref={whole} onSubmit={form.onSubmit(send, focusErrors(form))} noValidate className={classes.field}>
      {general && <Notice tone="bad">{general}</Notice>}
      {step.fields.map((f) => (
        <OneField key={f.code} field={f} form={form as unknown as UseFormReturnType<Values>} />
      ))}
      <div className={classes.foot}>
        {before}
        <Button type="submit" size="md" loading={save.busy}>
          {t('profile.save')}
        </Button>
      </div>
    </form>
  );
}

function OneField({ field, form }: { field: Field; form: UseFormReturnType<Values> }) {
  const { t, i18n } = useTranslation('trader-verify');
  const { boot } = useSession();
  const label = field.required ? fieldName(field.code) : t('profile.optional', { field: fieldName(field.code) });
  const hint = t(`hint.${field.code}` as never, { defaultValue: '' }) as unknown as string;
  const lang = i18n.language;
  const countries = useMemo(() => {
    if (field.kind !== 'country') return [];
    const served = boot?.countries.filter((c) => c.served).map((c) => c.code) ?? [];
    return field.code === 'country' && served.length > 0 ? countriesOf(lang, served) : allCountries(lang);
  }, [field.kind, field.code, boot, lang]);
  const input = form.getInputProps(field.code);
  const common = { label, description: hint || undefined, withAsterisk: false, size: 'md' as const };
  if (field.kind === 'country') {
    return <Select {...common} {...input} value={input.value || null} key={form.key(field.code)} data={countries} searchable autoComplete={fills[field.code] ?? 'off'} nothingFoundMessage={t('profile.no_country')} />;
  }
  if (field.kind === 'choice') {
    return (
      <Radio.Group {...common} {...input} key={form.key(field.code)}>
        <div className={classes.choices}>
          {(field.options ?? []).map((o) => (
            <Radio key={o} value={o} label={serverText('trader-verify', `option.${field.code}.${o}`)} mt={6} />
          ))}
        </div>
      </Radio.Group>
    );
  }
  if (field.kind === 'bool') {
    return (
      <Radio.Group {...common} {...input} key={form.key(field.code)}>
        <div className={classes.quick}>
          <Radio value="false" label={t('no')} mt={6} />
          <Radio value="true" label={t('yes')} mt={6} />
        </div>
      </Radio.Group>
    );
  }
  return (
    <TextInput
      {...common}
      {...input}
      key={form.key(field.code)}
      name={field.code}
      type={field.kind === 'date' ? 'date' : 'text'}
      inputMode={field.kind === 'int' ? 'numeric' : undefined}
      autoComplete={fills[field.code] ?? 'off'}
      dir={field.kind === 'text' ? 'auto' : undefined}
      max={field.kind === 'date' ? new Date().toISOString().slice(0, 10) : undefined}
    />
  );
}
