import { ActionIcon, Button, Group, NumberInput, Select, Stack, Switch, Textarea, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Cards, CopyId, fieldText, focusErrors, Notice, Page, say, showProblem, statusText, useForm } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { Past } from './Past';
import { Tests } from './Tests';
import { TryIt } from './TryIt';
import { setText } from './words';

type Rule = Schema<'Rule'>;
type State = Rule['state'];

interface Case {
  key: number;
  name: string;
  facts: string;
  expect: boolean;
}
interface Values extends Record<string, unknown> {
  set: string;
  name: string;
  priority: number | string;
  expression: string;
  outcome: string;
  reason_code: string;
  entity: string;
  state: string;
  note: string;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text || '{}') as unknown;
  } catch {
    return undefined;
  }
};
const isObject = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === 'object' && !Array.isArray(v);

/** A new version of a rule: its cases are evaluated while typing; the server checks all of it once more. */
export function RuleEditor({ rule, set, sets, onClose, onSaved }: { rule?: Rule; set?: string; sets: readonly Schema<'RuleSet'>[]; onClose: () => void; onSaved: (id: string) => void }) {
  const { t } = useTranslation(['office-house', 'common']);
  const save = useWrite('post', '/api/v1/rules');
  const [above, setAbove] = useState<string | null>(null);
  const [cases, setCases] = useState<readonly Case[]>(() => (rule?.tests ?? []).map((c, key) => ({ key, name: c.name ?? '', facts: JSON.stringify(c.facts ?? {}), expect: c.expect })));
  const form = useForm<Values>({
    mode: 'controlled',
    initialValues: {
      set: rule?.set ?? set ?? sets[0]?.name ?? '',
      name: rule?.name ?? '',
      priority: rule?.priority ?? 100,
      expression: rule?.expression ?? '',
      outcome: JSON.stringify(rule?.outcome ?? {}, null, 2),
      reason_code: rule?.reason_code ?? '',
      entity: rule?.entity ?? '',
      state: rule?.state ?? 'shadow',
      note: '',
    },
    validate: {
      name: (v) => (v.trim() ? null : fieldText('missing')),
      expression: (v) => (v.trim() ? null : fieldText('missing')),
      reason_code: (v) => (v.trim() ? null : fieldText('missing')),
      outcome: (v) => (isObject(parsed(v)) ? null : t('notJson')),
      note: (v) => (v.trim() ? null : fieldText('missing')),
    },
  });
  const values = form.values;
  const home = sets.find((s) => s.name === values.set);
  const good = useMemo(() => cases.filter((c) => isObject(parsed(c.facts))).map((c) => ({ name: c.name, facts: parsed(c.facts), expect: c.expect })), [cases]);
  const badCase = cases.length !== good.length;
  const send = form.onSubmit(async (v) => {
    if (badCase) return;
    try {
      const saved = await save.run({
        body: {
          id: rule?.id ?? null,
          base_version: rule?.version ?? null,
          set: v.set,
          name: v.name.trim(),
          priority: Number(v.priority),
          expression: v.expression.trim(),
          outcome: parsed(v.outcome) as never,
          reason_code: v.reason_code.trim(),
          entity: v.entity.trim() || null,
          state: v.state as State,
          note: v.note.trim(),
          tests: good as never,
        },
      });
      say(t('saved'));
      onSaved(saved.id);
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  const change = (key: number, part: Partial<Case>) => setCases((now) => now.map((c) => (c.key === key ? { ...c, ...part } : c)));
  return (
    <Page
      title={rule ? t('rules.edit', { name: rule.name }) : t('rules.add')}
      crumbs={[{ label: t('rules.title'), to: '/rules' }]}
      actions={
        <>
          <Button onClick={() => send()} loading={save.busy}>{t('rules.save')}</Button>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
        </>
      }
    >
      <form onSubmit={send} noValidate>
        <Cards min="26rem">
          <Card title={t('rules.says')}>
            <Stack>
              {above && <Notice tone="bad">{above}</Notice>}
              <Select label={t('rules.set')} required disabled={!!rule} allowDeselect={false} data={sets.map((s) => ({ value: s.name, label: setText(s.name, s.title) }))} {...form.getInputProps('set')} />
              <TextInput label={t('rules.field.name')} required dir="auto" {...form.getInputProps('name')} />
              <Textarea label={t('rules.field.expression')} description={t('rules.cel')} required autosize minRows={2} dir="ltr" classNames={{ input: 'qd-mono' }} {...form.getInputProps('expression')} />
              <Textarea label={t('rules.field.outcome')} description="JSON" required autosize minRows={2} dir="ltr" classNames={{ input: 'qd-mono' }} {...form.getInputProps('outcome')} />
              <TextInput label={t('rules.field.reason_code')} description={t('rules.reasonNote')} required dir="ltr" {...form.getInputProps('reason_code')} />
              <NumberInput label={t('rules.field.priority')} description={t('rules.priorityNote')} allowDecimal={false} {...form.getInputProps('priority')} />
              <TextInput label={t('rules.field.entity')} description={t('rules.entityNote')} dir="ltr" {...form.getInputProps('entity')} />
              <Select label={t('rules.field.state')} allowDeselect={false} data={['active', 'shadow', 'retired'].map((value) => ({ value, label: statusText('rule', value) }))} {...form.getInputProps('state')} />
              <Textarea label={t('rules.why')} required autosize minRows={2} dir="auto" {...form.getInputProps('note')} />
            </Stack>
          </Card>
          <Stack>
            <Card title={t('rules.cases')} actions={<Button size="compact-sm" variant="default" onClick={() => setCases((now) => [...now, { key: Math.max(0, ...now.map((c) => c.key)) + 1, name: '', facts: '{}', expect: true }])}>{t('rules.addCase')}</Button>}>
              <Stack>
                {cases.length === 0 && <p className="qd-muted">{t('rules.noTests')}</p>}
                {cases.map((c, at) => (
                  <Group key={c.key} align="flex-start" wrap="nowrap">
                    <Stack gap="xs" style={{ flex: 1 }}>
                      <TextInput aria-label={t('rules.caseName', { n: at + 1 })} placeholder={t('rules.case', { n: at + 1 })} dir="auto" value={c.name} onChange={(e) => change(c.key, { name: e.currentTarget.value })} />
                      <Textarea aria-label={t('rules.caseFacts', { n: at + 1 })} dir="ltr" autosize classNames={{ input: 'qd-mono' }} value={c.facts} onChange={(e) => change(c.key, { facts: e.currentTarget.value })} error={isObject(parsed(c.facts)) ? null : t('notJson')} />
                      <Switch label={t('rules.mustMatch')} checked={c.expect} onChange={(e) => change(c.key, { expect: e.currentTarget.checked })} />
                    </Stack>
                    <ActionIcon variant="subtle" color="gray" aria-label={t('rules.dropCase', { n: at + 1 })} onClick={() => setCases((now) => now.filter((x) => x.key !== c.key))}><IconTrash size={16} aria-hidden /></ActionIcon>
                  </Group>
                ))}
              </Stack>
            </Card>
            {values.expression.trim() && <Tests expression={values.expression} tests={good} />}
            {home && values.expression.trim() && <TryIt expression={values.expression} facts={home.facts} first={good[0]?.facts} />}
            {home && values.expression.trim() && <Past set={home.name} expression={values.expression} rule={rule?.id} />}
          </Stack>
          {home && (
            <Card title={t('rules.facts')}>
              <ul style={{ margin: 0, paddingInlineStart: '1.1rem' }}>
                {Object.entries(home.facts).map(([name, type]) => (
                  <li key={name}><CopyId id={name} full /> <span className="qd-muted">{t(`rules.type.${type}`)}</span></li>
                ))}
              </ul>
            </Card>
          )}
        </Cards>
      </form>
    </Page>
  );
}
