import { MultiSelect, Select } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { country, useTranslation } from '@qd/i18n';
import { useSession } from '@qd/ui/app';
import { useMemo } from 'react';

interface Props {
  label: string;
  description: string | undefined;
  error: string | undefined;
  readOnly: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
}

/** An entity of the house, or several; none is any. */
export function Entities({ several, value, onChange, ...rest }: Props & { several: boolean }) {
  const { t } = useTranslation('office-settings');
  const all = useApiQuery('/api/v1/entities', {});
  const known = (all.data?.items ?? []).map((e) => ({ value: e.code, label: e.name }));
  const chosen = several ? (Array.isArray(value) ? value.map(String) : []) : typeof value === 'string' ? [value] : [];
  // What stands in the document stays to be seen, whatever became of the entity.
  const data = [...known, ...chosen.filter((c) => !known.some((k) => k.value === c)).map((c) => ({ value: c, label: c }))];
  if (several) return <MultiSelect {...rest} data={data} value={chosen} onChange={onChange} />;
  return <Select {...rest} placeholder={t('any')} clearable={!rest.readOnly} data={data} value={chosen[0] ?? null} onChange={(v) => onChange(v ?? undefined)} />;
}

/** A country, or any. */
export function Countries({ value, onChange, ...rest }: Props) {
  const { t, i18n } = useTranslation('office-settings');
  const { boot } = useSession();
  const lang = i18n.language;
  const chosen = typeof value === 'string' ? value : null;
  const data = useMemo(() => {
    const codes = new Set((boot?.countries ?? []).map((c) => c.code));
    if (chosen) codes.add(chosen);
    return [...codes].map((code) => ({ value: code, label: country(lang, code) })).sort((a, b) => a.label.localeCompare(b.label, lang));
  }, [boot, chosen, lang]);
  return <Select {...rest} placeholder={t('any')} searchable clearable={!rest.readOnly} data={data} value={chosen} onChange={(v) => onChange(v ?? undefined)} />;
}
