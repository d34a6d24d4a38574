import { Button, Group, Select, Stack } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Chip, KeyValue, Notice, When, WriteError } from '@qd/ui';
import { useState } from 'react';
import { ObjectLink } from '../../lib/ObjectLink';

type Trial = Schema<'RuleTrial'>;
const spans = ['7', '30', '90', '365'];

/** The expression held against decisions that were made: what would have come out otherwise. Decides nothing. */
export function Past({ set, expression, rule }: { set: string; expression: string; rule?: string | undefined }) {
  const { t, i18n } = useTranslation('office-house');
  const trial = useWrite('post', '/api/v1/rules/trial');
  const [days, setDays] = useState('30');
  const [seen, setSeen] = useState<{ of: string; trial: Trial } | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const run = () => {
    setFailed(null);
    trial.run({ body: { set, expression, rule_id: rule ?? null, days: Number(days) } }).then((answer) => setSeen({ of: expression, trial: answer }), setFailed);
  };
  const r = seen?.trial;
  const n = (value: number) => number(i18n.language, value);
  return (
    <Card title={t('rules.past')}>
      <Stack gap="sm">
        <p className="qd-muted">{t('rules.pastText')}</p>
        <Group align="end" gap="sm">
          <Select label={t('rules.pastSpan')} data={spans.map((value) => ({ value, label: t('rules.pastDays', { count: Number(value) }) }))} value={days} onChange={(v) => setDays(v ?? '30')} allowDeselect={false} w={160} />
          <Button variant="default" onClick={run} loading={trial.busy}>{t('rules.pastRun')}</Button>
        </Group>
        <WriteError error={failed} />
        {seen && seen.of !== expression && <Notice tone="warn">{t('rules.pastOld')}</Notice>}
        {r && (
          <KeyValue
            items={[
              { label: t('rules.pastDecisions'), value: n(r.decisions) },
              { label: t('rules.pastMatched'), value: n(r.matched) },
              rule ? { label: t('rules.pastThen'), value: n(r.matched_then) } : null,
              { label: t('rules.pastOnlyNow'), value: n(r.only_now) },
              rule ? { label: t('rules.pastOnlyThen'), value: n(r.only_then) } : null,
              r.failed > 0 ? { label: t('rules.pastFailed'), value: n(r.failed) } : null,
            ]}
          />
        )}
        {r?.more && <p className="qd-muted">{t('rules.pastMore', { count: 2000 })}</p>}
        {r && r.decisions === 0 && <p className="qd-muted">{t('rules.pastNone')}</p>}
        {r && r.cases.length > 0 && (
          <KeyValue
            items={r.cases.slice(0, 20).map((c) => ({
              label: <ObjectLink object={c.subject} />,
              value: (
                <>
                  <When us={c.at_us} />{' '}
                  <Chip tone={c.matches === null || c.matches === undefined ? 'warn' : c.matches ? 'good' : 'idle'} label={c.matches === null || c.matches === undefined ? t('rules.noAnswer') : c.matches ? t('rules.pastIsNew') : t('rules.pastIsGone')} />
                </>
              ),
            }))}
          />
        )}
      </Stack>
    </Card>
  );
}
