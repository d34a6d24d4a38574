import { Checkbox, Fieldset, MultiSelect, NumberInput, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { serverText, hasText, useTranslation } from '@qd/i18n';
import { fieldText, statusText } from '@qd/ui';
import { Destination } from './Destination';
import { below, choicesOf, percentOf, priorities, read, write, type Choices, type Field, type Form } from './fields';
import { Countries, Entities } from './OfHouse';
import { Pairs } from './Pairs';
import { Providers, Routes } from './Parts';
import { Rows } from './Rows';
import { Share } from './Share';
import classes from '../settings.module.css';

interface Props {
  form: Form;
  doc: unknown;
  /** What counts where the document says nothing: shown as the value, or beside an empty field where the form inherits. */
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
        <One key={field.name} slug={form.slug} field={field} value={read(doc, field.at, form.inherits ? undefined : standard)} inherited={form.inherits ? (read(standard, field.at) ?? null) : undefined} readOnly={readOnly} errors={below(errors, field.at)} onChange={(value) => onChange(write(doc, field.at, value))} />
      ))}
    </Stack>
  );
}

interface OneProps {
  slug: string;
  field: Field;
  value: unknown;
  /** What counts while this is empty; without it, empty is wrong or nothing. */
  inherited?: unknown;
  readOnly: boolean;
  errors: Readonly<Record<string, string>>;
  onChange: (value: unknown) => void;
}

/** A value in the reader's words: what an empty field stands for. */
export function shownText(field: Field, value: unknown): string {
  if (value === undefined || value === null || value === '') return '–';
  if (field.kind === 'one' && typeof value === 'string') return choiceText(field.choices, value);
  if (field.kind === 'share' && typeof value === 'string') return `${percentOf(value)} %`;
  if (field.kind === 'whole') return `${String(value)} ${word(`unit.${field.unit}`)}`;
  if (field.kind === 'days') return Object.entries(value as Record<string, unknown>).map(([key, n]) => `${choiceText(field.choices, key)}: ${String(n)} ${word('unit.days')}`).join(' · ') || '–';
  if (field.kind === 'pairs') return Object.entries(value as Record<string, unknown>).map(([key, text]) => `${key} ${String(text)}`).join(' · ') || '–';
  return String(value);
}

export function One({ slug, field, value, inherited, readOnly, errors, onChange }: OneProps) {
  const { t } = useTranslation('office-settings');
  const inherits = inherited !== undefined;
  const shown = inherits ? shownText(field, inherited) : '–';
  const placeholder = shown !== '–' ? t('without', { value: shown }) : undefined;
  const label = word(`${slug}.${field.name}`);
  const description = maybe(`${slug}.${field.name}Note`);
  const any = Object.values(errors)[0];
  const error = any ? fieldText(any) : undefined;
  const texts = Array.isArray(value) ? value.map(String) : [];
  switch (field.kind) {
    case 'whole':
      return <NumberInput label={label} description={description} error={error} placeholder={placeholder} readOnly={readOnly} min={field.min} max={field.max} clampBehavior="none" allowDecimal={false} thousandSeparator={field.unit === 'bytes' ? ' ' : undefined} rightSection={<span className="qd-muted">{t(`unit.${field.unit}`)}</span>} rightSectionWidth={84} hideControls value={typeof value === 'number' ? value : ''} onChange={(v) => onChange(v === '' ? undefined : Number(v))} />;
    case 'yes':
      return <Checkbox label={label} description={description} error={error} disabled={readOnly} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} />;
    case 'text': {
      const typed = (raw: string) => (field.upper ? raw.toUpperCase() : field.decimal ? raw.replace(',', '.') : raw);
      return <TextInput label={label} description={description} error={error} placeholder={placeholder} readOnly={readOnly} required={!field.optional} dir={placeholder && !value ? undefined : field.ltr ? 'ltr' : 'auto'} inputMode={field.decimal ? 'decimal' : undefined} value={typeof value === 'string' ? value : ''} onChange={(e) => onChange(e.currentTarget.value === '' && field.optional ? undefined : typed(e.currentTarget.value))} />;
    }
    case 'one':
      return <Select label={label} description={description} error={error} placeholder={placeholder} readOnly={readOnly} clearable={inherits && !readOnly} allowDeselect={false} data={choicesOf[field.choices].map((v) => ({ value: v, label: choiceText(field.choices, v) }))} value={typeof value === 'string' ? value : null} onChange={(v) => onChange(v ?? undefined)} />;
    case 'share':
      return <Share label={label} description={description} error={error} placeholder={placeholder} readOnly={readOnly} value={value} onChange={onChange} />;
    case 'entity':
    case 'entities':
      return <Entities several={field.kind === 'entities'} label={label} description={description} error={error} readOnly={readOnly} value={value} onChange={onChange} />;
    case 'country':
      return <Countries label={label} description={description} error={error} readOnly={readOnly} value={value} onChange={onChange} />;
    case 'rows':
      return <Rows slug={slug} label={label} description={description} named={field.named} fields={field.fields} fresh={field.fresh} value={value} readOnly={readOnly} errors={errors} onChange={onChange} />;
    case 'destination':
      return <Destination label={label} description={description} value={value} readOnly={readOnly} errors={errors} onChange={onChange} />;
    case 'days':
      return (
        <Fieldset legend={label}>
          {description && <p className="qd-muted">{description}</p>}
          {placeholder && <p className="qd-muted">{placeholder}</p>}
          <div className={classes.grid}>
            {choicesOf[field.choices].map((c) => {
              const n = read(value, [c]);
              const others = (days: number | undefined) => {
                const next = write(value, [c], days) as Record<string, unknown>;
                return inherits && Object.keys(next).length === 0 ? undefined : next;
              };
              return <NumberInput key={c} label={choiceText(field.choices, c)} error={errors[c] && fieldText(errors[c])} readOnly={readOnly} min={0} max={field.max} clampBehavior="none" allowDecimal={false} hideControls rightSection={<span className="qd-muted">{t('unit.days')}</span>} rightSectionWidth={84} value={typeof n === 'number' ? n : ''} onChange={(v) => onChange(others(v === '' ? undefined : Number(v)))} />;
            })}
          </div>
        </Fieldset>
      );
    case 'many':
      return <MultiSelect label={label} description={description} error={error} readOnly={readOnly} data={choicesOf[field.choices].map((v) => ({ value: v, label: choiceText(field.choices, v) }))} value={texts} onChange={(v) => onChange(choicesOf[field.choices].filter((c) => v.includes(c)))} />;
    case 'names':
      return <TagsInput label={label} description={description} error={error} readOnly={readOnly} splitChars={[';']} value={texts} onChange={onChange} />;
    case 'pairs':
      return <Pairs slug={slug} name={field.name} label={label} description={inherits ? [description, placeholder].filter(Boolean).join(' ') : description} money={field.value === 'rate'} free={field.free} value={value} readOnly={readOnly} errors={errors} onChange={(rows) => onChange(inherits && Object.keys(rows).length === 0 ? undefined : rows)} />;
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
