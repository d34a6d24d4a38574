import { ActionIcon, Button, Checkbox, Group, NumberInput, Select, TagsInput, TextInput } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconTrash } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { decimal, fromPercent, get, isDecimal, toPercent, type Path } from './document';
import { fieldName, fieldNote, useEditing, useFault, wordText } from './editing';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

interface At {
  at: Path;
  /** Instead of the name by place. */
  label?: string;
  note?: string;
  required?: boolean;
}

function useField(at: Path, label?: string, note?: string) {
  const { doc, set } = useEditing();
  const error = useFault(at);
  return { value: get(doc, at), change: (value: unknown) => set(at, value), props: { label: label ?? fieldName(at), description: note ?? fieldNote(at), error } };
}

/** A decimal, kept as the text that was typed. */
export function Decimal({ at, label, note, unit, required }: At & { unit?: string }) {
  const { t } = useTranslation('office-plans');
  const { value, change, props } = useField(at, label, note);
  const text = typeof value === 'string' ? value : '';
  const wrong = text !== '' && !isDecimal(text) ? t('notNumber') : undefined;
  return <TextInput {...props} required={required} error={props.error ?? wrong} inputMode="decimal" dir="ltr" rightSection={unit ? <span className="qd-muted">{unit}</span> : undefined} rightSectionWidth={unit ? Math.max(44, unit.length * 9 + 14) : undefined} value={text} onChange={(e) => change(e.currentTarget.value.trim() === '' ? undefined : decimal(e.currentTarget.value))} />;
}

/** A share, typed in percent. */
export function Percent({ at, label, note, required }: At) {
  const { t } = useTranslation('office-plans');
  const { value, change, props } = useField(at, label, note);
  const share = typeof value === 'string' ? value : '';
  const [text, setText] = useState(toPercent(share));
  const shown = fromPercent(text) === share || (text === '' && share === '') || fromPercent(text) === null ? text : toPercent(share);
  const wrong = text.trim() !== '' && fromPercent(text) === null ? t('notNumber') : undefined;
  return (
    <TextInput
      {...props}
      required={required}
      error={props.error ?? wrong}
      inputMode="decimal"
      dir="ltr"
      rightSection="%"
      value={shown}
      onChange={(e) => {
        setText(e.currentTarget.value);
        change(e.currentTarget.value.trim() === '' ? undefined : (fromPercent(e.currentTarget.value) ?? e.currentTarget.value));
      }}
    />
  );
}

export function Whole({ at, label, note, unit, min = 0, max, standard }: At & { unit?: string; min?: number; max?: number; standard?: number }) {
  const { value, change, props } = useField(at, label, note);
  return <NumberInput {...props} min={min} max={max} clampBehavior="none" allowDecimal={false} hideControls={!!unit} rightSection={unit ? <span className="qd-muted">{unit}</span> : undefined} rightSectionWidth={unit ? 76 : undefined} placeholder={standard === undefined ? undefined : String(standard)} value={typeof value === 'number' ? value : ''} onChange={(v) => change(v === '' ? undefined : Number(v))} />;
}

export function Flag({ at, label, note }: At) {
  const { value, change, props } = useField(at, label, note);
  return <Checkbox {...props} checked={value === true} onChange={(e) => change(e.currentTarget.checked ? true : undefined)} />;
}

/** One of a fixed list; the first is what counts without a choice unless `standard` says otherwise. */
export function Word({ at, list, words, standard, label, note, clear }: At & { list: string; words: readonly string[]; standard?: string; clear?: string }) {
  const { value, change, props } = useField(at, label, note);
  const usual = standard ?? words[0];
  return <Select {...props} allowDeselect={false} clearable={clear !== undefined} placeholder={clear} data={words.map((w) => ({ value: w, label: wordText(list, w) }))} value={typeof value === 'string' ? value : clear !== undefined ? null : (usual ?? null)} onChange={(v) => change(v === null || (clear === undefined && v === usual) ? undefined : v)} />;
}

export function Text({ at, label, note, required, ltr }: At & { ltr?: boolean }) {
  const { value, change, props } = useField(at, label, note);
  return <TextInput {...props} required={required} dir={ltr ? 'ltr' : 'auto'} value={typeof value === 'string' ? value : ''} onChange={(e) => change(e.currentTarget.value)} />;
}

/** A list of codes. */
export function Codes({ at, label, note, capitals, any }: At & { capitals?: boolean; any?: string }) {
  const { value, change, props } = useField(at, label, note);
  const codes = Array.isArray(value) ? value.map(String) : [];
  return <TagsInput {...props} dir="ltr" placeholder={codes.length === 0 ? any : undefined} splitChars={[',', ' ', ';']} acceptValueOnBlur value={codes} onChange={(v) => change(v.length === 0 ? undefined : capitals ? v.map((c) => c.toUpperCase()) : v)} />;
}

export function Day({ at, label, note }: At) {
  const { value, change, props } = useField(at, label, note);
  return <Suspense><DateField {...props} clearable value={typeof value === 'string' ? value.slice(0, 10) : null} onChange={(v) => change(v ?? undefined)} /></Suspense>;
}

/** Shares by level, the nearest to the client first. */
export function Levels({ at, first, add, drop, plainNumbers, fresh }: { at: Path; first: number; add: string; drop: (level: number) => string; plainNumbers?: boolean; fresh: string }) {
  const { t } = useTranslation('office-plans');
  const { doc, set } = useEditing();
  const whole = useFault(at);
  const all = (get(doc, at) as string[] | undefined) ?? [];
  return (
    <>
      {all.map((_, n) => (
        <Group key={n} align="flex-end" wrap="nowrap" gap="xs">
          <div style={{ flex: 1 }}>{plainNumbers ? <Decimal at={[...at, n]} label={t('level', { level: n + first })} /> : <Percent at={[...at, n]} label={t('level', { level: n + first })} />}</div>
          <ActionIcon variant="subtle" color="gray" mb={6} disabled={all.length === 1} aria-label={drop(n + first)} onClick={() => set([...at, n], undefined)}><IconTrash size={16} aria-hidden /></ActionIcon>
        </Group>
      ))}
      {whole && <p role="alert" style={{ color: 'var(--mantine-color-error)', margin: 0 }}>{whole}</p>}
      <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => set(at, [...all, fresh])}>{add}</Button>
    </>
  );
}
