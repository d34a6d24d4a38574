import { ActionIcon, Button, Fieldset, Select, TextInput } from '@mantine/core';
import '@mantine/core/styles/Fieldset.css';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { fieldText, statusText } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { categories, choicesOf, priorities, read, write } from './fields';
import classes from '../settings.module.css';

interface Props {
  label: string;
  description: string | undefined;
  value: unknown;
  readOnly: boolean;
  onChange: (value: unknown) => void;
}
interface Asked {
  kind: string;
  provider: string;
}

/** Who is asked beside the house, and what. */
export function Providers({ label, description, value, readOnly, errors, onChange }: Props & { errors: Readonly<Record<string, string>> }) {
  const { t } = useTranslation('office-settings');
  const all = (Array.isArray(value) ? value : []) as Asked[];
  const put = (at: number, part: Partial<Asked>) => onChange(all.map((a, n) => (n === at ? { ...a, ...part } : a)));
  const wrong = (at: number, field: string) => (errors[`${at}/${field}`] ? fieldText(errors[`${at}/${field}`] as string) : undefined);
  return (
    <Fieldset legend={label}>
      {description && <p className="qd-muted">{description}</p>}
      {all.map((a, at) => (
        <div key={at} className={classes.pair}>
          <Select aria-label={t('kyc.check')} allowDeselect={false} readOnly={readOnly} error={wrong(at, 'kind')} data={choicesOf.check_kind.map((v) => ({ value: v, label: statusText('check_kind', v) }))} value={a.kind} onChange={(kind) => kind && put(at, { kind })} />
          <TextInput aria-label={t('kyc.connection')} placeholder={t('kyc.connection')} dir="ltr" readOnly={readOnly} error={wrong(at, 'provider')} value={a.provider} onChange={(e) => put(at, { provider: e.currentTarget.value })} />
          {!readOnly && <ActionIcon variant="subtle" color="gray" mt={4} aria-label={t('drop', { what: statusText('check_kind', a.kind) })} onClick={() => onChange(all.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>}
        </div>
      ))}
      {!readOnly && <Button size="compact-sm" variant="default" mt="xs" onClick={() => onChange([...all, { kind: 'screening', provider: '' }])}>{t('addRow')}</Button>}
    </Fieldset>
  );
}

/** Where tickets of each kind go, and how urgent they start. */
export function Routes({ label, description, value, readOnly, onChange }: Props) {
  const { t } = useTranslation('office-settings');
  const desks = useApiQuery('/api/v1/desks', {});
  const deskData = (desks.data?.items ?? []).map((d) => ({ value: d.code, label: d.name }));
  const put = (category: string, part: string, v: string | null) => {
    const next = write(read(value, [category]), [part], v ?? undefined);
    onChange(write(value, [category], Object.keys(next as object).length > 0 ? next : undefined));
  };
  const text = (category: string, part: string) => (read(value, [category, part]) as string | undefined) ?? null;
  return (
    <Fieldset legend={label}>
      {description && <p className="qd-muted">{description}</p>}
      {categories.map((c) => (
        <div key={c} className={classes.routes}>
          <span>{statusText('ticket_category', c)}</span>
          <Select aria-label={t('routing.deskOf', { category: statusText('ticket_category', c) })} placeholder={t('routing.noDesk')} clearable={!readOnly} readOnly={readOnly} data={deskData} value={text(c, 'desk')} onChange={(v) => put(c, 'desk', v)} />
          <Select aria-label={t('routing.priorityOf', { category: statusText('ticket_category', c) })} placeholder={t('routing.usual')} clearable={!readOnly} readOnly={readOnly} data={priorities.map((p) => ({ value: p, label: statusText('ticket_priority', p) }))} value={text(c, 'priority')} onChange={(v) => put(c, 'priority', v)} />
        </div>
      ))}
    </Fieldset>
  );
}
