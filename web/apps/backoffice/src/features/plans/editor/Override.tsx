import { ActionIcon, Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Card } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { fromPercent, toPercent, type PlanDoc, type PlanOverride } from './document';

/** What partners above the client's own one get. */
export function Override({ doc, onChange }: { doc: PlanDoc; onChange: (doc: PlanDoc) => void }) {
  const { t } = useTranslation('office-partners');
  const o = doc.override;
  const choose = (method: string | null) => {
    const next: PlanOverride | undefined = method === 'fixed' || method === 'differential' ? { method } : method === 'percent_of_child' ? { method, of: 'next', levels: ['0.20'] } : undefined;
    const { override: _, ...rest } = doc;
    onChange(next ? { ...rest, override: next } : rest);
  };
  const levels = o?.method === 'percent_of_child' ? o.levels : [];
  const put = (next: string[]) => o?.method === 'percent_of_child' && onChange({ ...doc, override: { ...o, levels: next } });
  return (
    <Card title={t('plans.override')}>
      <Stack>
        <Select label={t('why.method')} placeholder={t('plans.method.none')} clearable data={(['fixed', 'differential', 'percent_of_child'] as const).map((value) => ({ value, label: t(`plans.method.${value}`) }))} value={o?.method ?? null} onChange={choose} />
        {o?.method === 'fixed' && <p className="qd-muted" style={{ margin: 0 }}>{t('plans.fixedNote')}</p>}
        {o?.method === 'percent_of_child' && (
          <>
            <Select label={t('plans.of')} allowDeselect={false} data={(['next', 'direct'] as const).map((value) => ({ value, label: t(`plans.ofWhom.${value}`) }))} value={o.of} onChange={(v) => onChange({ ...doc, override: { ...o, of: v === 'direct' ? 'direct' : 'next' } })} />
            {levels.map((share, at) => (
              <Group key={at} align="flex-end" wrap="nowrap">
                <Percent label={t('plans.levelShare', { level: at + 2 })} share={share} onChange={(v) => put(levels.map((s, n) => (n === at ? v : s)))} />
                <ActionIcon variant="subtle" color="gray" mb={6} disabled={levels.length === 1} aria-label={t('plans.dropLevel', { level: at + 2 })} onClick={() => put(levels.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>
              </Group>
            ))}
            <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => put([...levels, '0.10'])}>{t('plans.addLevel')}</Button>
          </>
        )}
      </Stack>
    </Card>
  );
}

function Percent({ label, share, onChange }: { label: string; share: string; onChange: (share: string) => void }) {
  const { t } = useTranslation('office-partners');
  const [text, setText] = useState(toPercent(share));
  return (
    <TextInput
      style={{ flex: 1 }}
      label={label}
      inputMode="decimal"
      dir="ltr"
      rightSection="%"
      value={text}
      error={fromPercent(text) === null && t('plans.rateWrong')}
      onChange={(e) => {
        setText(e.currentTarget.value);
        const next = fromPercent(e.currentTarget.value);
        if (next !== null) onChange(next);
      }}
    />
  );
}
