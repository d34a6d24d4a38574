import { ActionIcon, Button, Group, NumberInput, Stack, TagsInput, TextInput } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { decimal, isDecimal, scopeParts, type PlanDoc, type PlanRule } from './document';
import classes from '../../settings/settings.module.css';

/** The rates: per lot, each with what it is bound to; the closest fitting one pays. */
export function Rules({ doc, onChange, tried }: { doc: PlanDoc; onChange: (doc: PlanDoc) => void; tried: boolean }) {
  const { t } = useTranslation('office-partners');
  const rules = doc.rules ?? [];
  const [opened, setOpened] = useState<readonly number[]>(() => rules.flatMap((r, at) => (r.scope && Object.keys(r.scope).length > 0 ? [at] : [])));
  const put = (at: number, part: Partial<PlanRule>) => onChange({ ...doc, rules: rules.map((r, n) => (n === at ? { ...r, ...part } : r)) });
  return (
    <Card title={t('plans.rates')} actions={<Button size="compact-sm" variant="default" onClick={() => onChange({ ...doc, rules: [...rules, { id: `rule-${rules.length + 1}`, kind: 'per_lot', rate: '' }] })}>{t('plans.addRule')}</Button>}>
      {rules.length === 0 && <p className="qd-muted">{t('plans.noRules')}</p>}
      {rules.map((r, at) => (
        <div key={at}>
          <div className={classes.row}>
            <TextInput label={t('plans.rule')} dir="ltr" value={r.id} onChange={(e) => put(at, { id: e.currentTarget.value })} />
            <TextInput label={t('plans.perLot', { currency: doc.currency })} inputMode="decimal" dir="ltr" value={r.rate} onChange={(e) => put(at, { rate: decimal(e.currentTarget.value) })} error={(tried || r.rate !== '') && !isDecimal(r.rate) && t('plans.rateWrong')} />
            <NumberInput label={t('col.level')} min={1} max={50} allowDecimal={false} value={r.level ?? 1} onChange={(v) => { const level = Number(v); put(at, { level: level > 1 ? level : undefined }); }} />
            <Group gap="xs" wrap="nowrap">
              <Button size="compact-sm" variant="subtle" aria-expanded={opened.includes(at)} onClick={() => setOpened(opened.includes(at) ? opened.filter((n) => n !== at) : [...opened, at])}>{t('plans.scope')}</Button>
              <ActionIcon variant="subtle" color="gray" aria-label={t('plans.dropRule', { rule: r.id })} onClick={() => onChange({ ...doc, rules: rules.filter((_, n) => n !== at) })}><IconTrash size={16} aria-hidden /></ActionIcon>
            </Group>
          </div>
          {opened.includes(at) && (
            <Stack gap="xs" pt="xs">
              <div className={classes.grid}>
                {scopeParts.map((part) => (
                  <TagsInput key={part} label={t(`plans.part.${part}`)} placeholder={(r.scope?.[part] ?? []).length === 0 ? t('plans.any') : undefined} dir="ltr" value={r.scope?.[part] ?? []} onChange={(v) => put(at, { scope: { ...r.scope, [part]: v } })} />
                ))}
              </div>
            </Stack>
          )}
        </div>
      ))}
    </Card>
  );
}
