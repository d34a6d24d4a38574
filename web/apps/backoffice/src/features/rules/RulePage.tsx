import { Button, Menu, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Cards, CopyId, ErrorState, KeyValue, Page, ReasonDialog, say, StatusChip, useSearchState } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { IconChevronDown } from '@tabler/icons-react';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { History } from '../settings/History';
import { RuleEditor } from './RuleEditor';
import { Past } from './Past';
import { Tests } from './Tests';
import { TryIt } from './TryIt';
import { outcomeText, ruleField, setText } from './words';

type Rule = Schema<'Rule'>;
type State = Rule['state'];
const states: readonly State[] = ['active', 'shadow', 'retired'];

/** One rule: what it says, whether its test cases hold, what it would say to other facts, and how it came to be so. */
export function RulePage() {
  const { t } = useTranslation('office-house');
  const { id } = useParams({ strict: false }) as { id: string };
  const [search, set] = useSearchState();
  const may = useCan('rules.edit');
  const one = useApiQuery('/api/v1/rules/{id}', { path: { id } });
  const sets = useApiQuery('/api/v1/rule-sets', {});
  const save = useWrite('post', '/api/v1/rules');
  const [to, setTo] = useState<State | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const versions = one.data?.versions ?? [];
  const rule = versions[0];
  const crumbs = [{ label: t('rules.title'), to: '/rules' }];
  if (one.error && !rule) return <Page title={t('rules.one')} crumbs={crumbs}><ErrorState error={one.error} onRetry={() => void one.refetch()} /></Page>;
  if (!rule || !sets.data) return <Page title={t('rules.one')} crumbs={crumbs}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const home = sets.data.items.find((s) => s.name === rule.set);
  const again = () => void one.refetch();
  if (search.edit === '1' && may) return <RuleEditor rule={rule} sets={sets.data.items} onClose={() => set({ edit: null })} onSaved={() => { set({ edit: null }); again(); }} />;
  return (
    <Page
      title={rule.name}
      crumbs={crumbs}
      aside={<><StatusChip kind="rule" value={rule.state} /><CopyId id={rule.id} /></>}
      text={[setText(rule.set, home?.title ?? rule.set), t('versionN', { version: rule.version }), rule.entity ?? t('everywhere')].join(' · ')}
      actions={
        may ? (
          <>
            <Button onClick={() => set({ edit: '1' })}>{t('change')}</Button>
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>{t('rules.setState')}</Button>
              </Menu.Target>
              <Menu.Dropdown>
                {states.filter((s) => s !== rule.state).map((s) => <Menu.Item key={s} onClick={() => setTo(s)}>{t(`rules.to.${s}`)}</Menu.Item>)}
              </Menu.Dropdown>
            </Menu>
          </>
        ) : null
      }
    >
      <Stack>
        <Cards min="24rem">
          <Card title={t('rules.says')}>
            <KeyValue
              items={[
                { label: t('rules.field.expression'), value: <code dir="ltr" className="qd-mono" style={{ whiteSpace: 'pre-wrap' }}>{rule.expression}</code> },
                { label: t('rules.field.outcome'), value: outcomeText(rule.outcome) },
                { label: t('rules.field.reason_code'), value: <bdi dir="ltr" className="qd-mono">{rule.reason_code}</bdi> },
                { label: t('rules.field.priority'), value: rule.priority },
                { label: t('rules.field.entity'), value: rule.entity ?? t('everywhere') },
                { label: t('rules.onError'), value: home ? t(`rules.error.${home.on_error}`) : null },
                { label: t('rules.field.note'), value: rule.note ? <span dir="auto">{rule.note}</span> : null, optional: true },
              ]}
            />
          </Card>
          <Tests expression={rule.expression} tests={rule.tests} />
          {home && <TryIt key={rule.version} expression={rule.expression} facts={home.facts} first={rule.tests[0]?.facts} />}
          <Past set={rule.set} expression={rule.expression} rule={rule.id} />
        </Cards>
        <Card title={t('history')}>
          <History versions={versions.map((v) => ({ version: v.version, changed_at_us: v.changed_at_us, changed_by: v.changed_by, reason: '', doc: v }))} label={ruleField} />
        </Card>
      </Stack>
      <ReasonDialog
        opened={to !== null}
        onClose={() => { setTo(null); setFailed(null); }}
        title={to ? t(`rules.to.${to}`) : ''}
        text={to ? t(`rules.toText.${to}`) : ''}
        confirm={to ? t(`rules.to.${to}`) : ''}
        busy={save.busy}
        error={failed}
        onConfirm={({ note }) => {
          const { name, expression, outcome, priority, reason_code, tests, entity } = rule;
          save.run({ body: { id: rule.id, base_version: rule.version, set: rule.set, name, expression, outcome: outcome as never, priority, reason_code, tests, entity, note, state: to as State } }).then(
            () => { setTo(null); setFailed(null); say(t('saved')); again(); },
            (e: unknown) => setFailed(e),
          );
        }}
      />
    </Page>
  );
}

export function NewRulePage() {
  const { t } = useTranslation('office-house');
  const go = useNavigate();
  const [search] = useSearchState();
  const sets = useApiQuery('/api/v1/rule-sets', {});
  if (!sets.data) return <Page title={t('rules.add')} crumbs={[{ label: t('rules.title'), to: '/rules' }]}>{sets.error ? <ErrorState error={sets.error} onRetry={() => void sets.refetch()} /> : <Skeleton height={300} />}</Page>;
  return <RuleEditor sets={sets.data.items} set={search.set} onClose={() => void go({ to: '/rules' as never })} onSaved={(id) => void go({ to: `/rules/${id}` as never })} />;
}
