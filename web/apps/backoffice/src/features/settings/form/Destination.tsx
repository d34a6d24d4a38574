import { Fieldset, Select, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { useTranslation } from '@qd/i18n';
import { fieldText } from '@qd/ui';
import { read, write } from './fields';
import classes from '../settings.module.css';

interface Props {
  label: string;
  description: string | undefined;
  value: unknown;
  readOnly: boolean;
  errors: Readonly<Record<string, string>>;
  onChange: (value: unknown) => void;
}
type Part = 'account' | 'name' | 'iban' | 'bic';
const needed: Record<string, readonly Part[]> = { wallet: [], platform: ['account'], bank: ['name', 'iban', 'bic'] };

/** Where a partner is paid to; another way asks for other things, and those of the way before go. */
export function Destination({ label, description, value, readOnly, errors, onChange }: Props) {
  const { t } = useTranslation('office-settings');
  const way = (read(value, ['way']) as string | undefined) ?? null;
  const part = (name: Part) => (
    <TextInput
      key={name}
      label={t(`way.${name}`)}
      description={name === 'name' ? t('way.nameNote') : name === 'account' ? t('way.accountNote') : undefined}
      required={name !== 'bic'}
      dir={name === 'name' ? 'auto' : 'ltr'}
      readOnly={readOnly}
      error={errors[name] && fieldText(errors[name])}
      value={(read(value, [name]) as string | undefined) ?? ''}
      onChange={(e) => {
        const typed = name === 'iban' || name === 'bic' ? e.currentTarget.value.toUpperCase().replaceAll(' ', '') : e.currentTarget.value;
        onChange(write(value, [name], typed === '' ? undefined : typed));
      }}
    />
  );
  return (
    <Fieldset legend={label}>
      {description && <p className="qd-muted">{description}</p>}
      <div className={classes.grid}>
        <Select label={t('way.label')} placeholder={t('way.usual')} readOnly={readOnly} clearable={!readOnly} allowDeselect={false} error={errors.way && fieldText(errors.way)} data={(['wallet', 'platform', 'bank'] as const).map((v) => ({ value: v, label: t(`way.${v}`) }))} value={way} onChange={(v) => onChange(v ? { way: v } : undefined)} />
        {(needed[way ?? ''] ?? []).map(part)}
      </div>
    </Fieldset>
  );
}
