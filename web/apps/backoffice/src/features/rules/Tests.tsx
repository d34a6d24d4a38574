import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Chip, KeyValue } from '@qd/ui';
import { useEffect, useState } from 'react';
import { factLine } from './facts';

type Case = Schema<'RuleCase'>;
type Tried = Schema<'RuleTried'>;

/** The rule's own test cases, evaluated now. */
export function Tests({ expression, tests }: { expression: string; tests: readonly Case[] }) {
  const { t } = useTranslation('office-house');
  const { results, failed } = useTried(expression, tests);
  const bad = results.filter((r, at) => r && r.matches !== tests[at]?.expect).length;
  return (
    <Card title={t('rules.field.tests')} actions={tests.length > 0 && results.length === tests.length ? <Chip tone={bad === 0 ? 'good' : 'bad'} label={bad === 0 ? t('rules.allHold') : t('rules.someFail', { count: bad })} /> : undefined}>
      {failed ? <p className="qd-muted">{t('rules.notTried')}</p> : null}
      {tests.length === 0 ? (
        <p className="qd-muted">{t('rules.noTests')}</p>
      ) : (
        <KeyValue
          items={tests.map((one, at) => {
            const result = results[at];
            const holds = result ? result.matches === one.expect : null;
            return {
              label: one.name ? <span dir="auto">{one.name}</span> : t('rules.case', { n: at + 1 }),
              value: (
                <>
                  <bdi dir="ltr" className="qd-mono">{factLine(one.facts)}</bdi> → {one.expect ? t('rules.matches') : t('rules.matchesNot')}{' '}
                  {holds === null ? null : <Chip tone={holds ? 'good' : 'bad'} label={holds ? t('rules.holds') : t('rules.fails')} />}
                </>
              ),
            };
          })}
        />
      )}
    </Card>
  );
}

/** Evaluates an expression over several facts, and again when either changes. */
export function useTried(expression: string, tests: readonly Case[]): { results: readonly (Tried | null)[]; failed: boolean } {
  const { run } = useWrite('post', '/api/v1/rules/try', { touches: [] });
  const [results, setResults] = useState<readonly (Tried | null)[]>([]);
  const [failed, setFailed] = useState(false);
  const key = JSON.stringify([expression, tests.map((c) => c.facts)]);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(async () => {
      const out: (Tried | null)[] = [];
      for (const one of tests) {
        try {
          out.push(await run({ body: { expression, facts: (one.facts ?? {}) as never } }));
        } catch {
          if (!gone) setFailed(true);
          out.push(null);
        }
        if (gone) return;
      }
      setResults(out);
    }, 300);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
    // The key says all that the cases are.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  return { results, failed };
}
