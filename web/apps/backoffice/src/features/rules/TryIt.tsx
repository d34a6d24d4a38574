import { NumberInput, Select, Stack, Textarea, TextInput } from '@mantine/core';
import type { Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Chip, Notice } from '@qd/ui';
import { useMemo, useState } from 'react';
import { usedIn } from './facts';
import { useTried } from './Tests';
import { factAt, withFact } from './words';

type Type = Schema<'RuleFactType'>;

/** Other facts, typed in: what the rule would say. Changes nothing. */
export function TryIt({ expression, facts, first }: { expression: string; facts: Record<string, Type>; first?: unknown }) {
  const { t } = useTranslation('office-house');
  const [given, setGiven] = useState<Record<string, unknown>>(() => (first !== null && typeof first === 'object' ? (first as Record<string, unknown>) : {}));
  const names = usedIn(expression, Object.keys(facts));
  const cases = useMemo(() => [{ expect: true, facts: given }], [given]);
  const { results } = useTried(expression, cases);
  const result = results[0];
  const put = (name: string, value: unknown) => setGiven((now) => withFact(now, name, value));
  return (
    <Card
      title={t('rules.try')}
      actions={result ? result.error ? <Chip tone="warn" label={t('rules.noAnswer')} /> : <Chip tone={result.matches ? 'good' : 'idle'} label={result.matches ? t('rules.matches') : t('rules.matchesNot')} /> : undefined}
    >
      <Stack gap="xs">
        {names.length === 0 && <p className="qd-muted">{t('rules.noFacts')}</p>}
        {names.map((name) => {
          const value = factAt(given, name);
          const type = facts[name];
          const label = <bdi dir="ltr" className="qd-mono">{name}</bdi>;
          if (type === 'bool')
            return <Select key={name} label={label} data={[{ value: 'true', label: t('yes') }, { value: 'false', label: t('no') }]} value={value === undefined ? null : String(value)} onChange={(v) => put(name, v === null ? undefined : v === 'true')} clearable />;
          if (type === 'int' || type === 'money')
            return <NumberInput key={name} label={label} description={type === 'money' ? t('rules.minor') : undefined} allowDecimal={false} value={typeof value === 'number' ? value : ''} onChange={(v) => put(name, v === '' ? undefined : Number(v))} />;
          if (type === 'list' || type === 'object')
            return <Textarea key={name} label={label} description="JSON" dir="ltr" autosize defaultValue={value === undefined ? '' : JSON.stringify(value)} onBlur={(e) => { try { put(name, e.currentTarget.value ? JSON.parse(e.currentTarget.value) : undefined); } catch { /* Not JSON yet: the last good value stays. */ } }} />;
          return <TextInput key={name} label={label} dir="auto" value={typeof value === 'string' ? value : ''} onChange={(e) => put(name, e.currentTarget.value || undefined)} />;
        })}
        {result?.error && <Notice tone="warn"><bdi dir="ltr">{result.error.detail}</bdi></Notice>}
      </Stack>
    </Card>
  );
}
