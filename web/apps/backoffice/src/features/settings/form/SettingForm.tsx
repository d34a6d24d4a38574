import { Checkbox, Fieldset, MultiSelect, NumberInput, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { serverText, hasText, useTranslation } from '@qd/i18n';
import { fieldText, statusText } from '@qd/ui';
import { below, choicesOf, priorities, read, write, type Choices, type Field, type Form } from './fields';
import { Pairs } from './Pairs';
import { Providers, Routes } from './Parts';
import classes from '../settings.module.css';

interface Props {
  form: Form;
  doc: unknown;
  /** What counts where the document says nothing. */
  standard: unknown;
  readOnly: boolean;
  /** Problems by the pointer inside the value. */
  errors: Readonly<Record<string, string>>;
  onChange: (doc: unknown) => void;
}

const word = (key: string) => serverText('office-settings', key);
const maybe = (key: string) => (hasText('office-settings', key) ? word(key) : undefined);
export const choiceText = (kind: Choices, value: string): string => (kind === 'check_kind' ? statusText('check_kind', value) : word(`${kind}.${value}`));

/** A setting as labelled fields with units and help; the server's problems stand at their fields. */
export function SettingForm({ form, doc, standard, readOnly, errors, onChange }: Props) {
  return (
    <Stack>
      {form.fields.map((field) => (
        <One key={field.name} slug={form.slug} field={field} value={read(doc, field.at, standard)} readOnly={readOnly} errors={below(errors, field.at)} onChange={(value) => onChange(write(doc, field.at, value))} />
      ))}
    </Stack>
  );
}

function One({ slug, field, value, readOnly, errors, onChange }: { slug: string; field: Field; value: unknown; readOnly: boolean; errors: Readonly<Record<string, string>>; onChange: (value: unknown) => void }) {
  const { t } = useTranslation('office-settings');
  const label = word(`${slug}.${field.name}`);
  const description = maybe(`${slug}.${field.name}Note`);
  const any = Object.values(errors)[0];
  const error = any ? fieldText(any) : undefined;
  const texts = Array.isArray(value) ? value.map(String) : [];
  switch (field.kind) {
    case 'whole':
      return <NumberInput label={label} description={description} error={error} readOnly={readOnly} min={field.min} max={field.max} clampBehavior="none" allowDecimal={false} thousandSeparator={field.unit === 'bytes' ? ' ' : undefined} rightSection={<span className="qd-muted">{t(`unit.${field.unit}`)}</span>} rightSectionWidth={84} hideControls value={typeof value === 'number' ? value : ''} onChange={(v) => onChange(v === '' ? undefined : Number(v))} />;
    case 'yes':
      return <Checkbox label={label} description={description} error={error} disabled={readOnly} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} />;
    case 'text':
      return <TextInput label={label} description={description} error={error} readOnly={readOnly} required={!field.optional} dir={field.ltr ? 'ltr' : 'auto'} value={typeof value === 'string' ? value : ''} onChange={(e) => onChange(e.currentTarget.value === '' && field.optional ? undefined : e.currentTarget.value)} />;
    case 'one':
      return <Select label={label} description={description} error={error} readOnly={readOnly} allowDeselect={false} data={choicesOf[field.choices].map((v) => ({ value: v, label: choiceText(field.choices, v) }))} value={typeof value === 'string' ? value : null} onChange={(v) => onChange(v)} />;
    case 'many':
      return <MultiSelect label={label} description={description} error={error} readOnly={readOnly} data={choicesOf[field.choices].map((v) => ({ value: v, label: choiceText(field.choices, v) }))} value={texts} onChange={(v) => onChange(choicesOf[field.choices].filter((c) => v.includes(c)))} />;
    case 'names':
      return <TagsInput label={label} description={description} error={error} readOnly={readOnly} splitChars={[';']} value={texts} onChange={onChange} />;
    case 'pairs':
      return <Pairs slug={slug} label={label} description={description} money={field.value === 'rate'} value={value} readOnly={readOnly} errors={errors} onChange={onChange} />;
    case 'byPriority':
      return (
        <Fieldset legend={label}>
          {description && <p className="qd-muted">{description}</p>}
          <div className={classes.grid}>
            {priorities.map((p) => {
              const n = read(value, [p]);
              return <NumberInput key={p} label={statusText('ticket_priority', p)} error={errors[p] && fieldText(errors[p])} readOnly={readOnly} min={1} max={525_600} clampBehavior="none" allowDecimal={false} hideControls rightSection={<span className="qd-muted">{t('unit.minutes')}</span>} rightSectionWidth={84} value={typeof n === 'number' ? n : ''} onChange={(v) => onChange(write(value, [p], v === '' ? undefined : Number(v)))} />;
            })}
          </div>
        </Fieldset>
      );
    case 'image': {
      const svg = typeof value === 'string' ? value : '';
      return (
        <div>
          <Textarea label={label} description={description} error={error} readOnly={readOnly} dir="ltr" autosize minRows={3} maxRows={10} classNames={{ input: 'qd-mono' }} value={svg} onChange={(e) => onChange(e.currentTarget.value.trim() === '' ? undefined : e.currentTarget.value)} />
          {svg.trim().startsWith('<svg') && <img className={classes.logo} alt={t('face.shown')} src={`data:image/svg+xml;utf8,${encodeURIComponent(svg.trim())}`} />}
        </div>
      );
    }
    case 'providers':
      return <Providers label={label} description={description} value={value} readOnly={readOnly} errors={errors} onChange={onChange} />;
    case 'routes':
      return <Routes label={label} description={description} value={value} readOnly={readOnly} onChange={onChange} />;
  }
}
