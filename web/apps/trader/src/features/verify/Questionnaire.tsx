import { Button, Checkbox, Radio, Skeleton } from '@mantine/core';
import { type Answer, useApiQuery, useWrite } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, errorText, Notice, Page, say } from '@qd/ui';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { whereNext } from '../../lib/kyc';
import { useMoment } from '../../lib/parts';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';

type Mine = Answer<'get', '/api/v1/me/questionnaire'>;
type Asked = NonNullable<Mine['questionnaire']>;

/** The appropriateness test: answers, what they mean, the warning to confirm. */
function QuestionnaireScreen() {
  const { t } = useTranslation('trader-verify');
  const mine = useApiQuery('/api/v1/me/questionnaire');
  const [again, setAgain] = useState(false);
  const crumbs = [{ label: t('title'), to: '/verification' }];
  const latest = mine.data?.answers[0];
  const kyc = useApiQuery('/api/v1/me/kyc');
  const navigate = useNavigate();
  // Nothing to read or confirm: straight on.
  const done = (answers: { class: string; warning_key?: string | null }) => {
    setAgain(false);
    if (answers.class !== 'pass' || answers.warning_key) return;
    say(t('test.pass'));
    void kyc.refetch().then((k) => navigate({ to: k.data ? whereNext(k.data.steps) : '/verification' }));
  };
  const q = mine.data?.questionnaire;
  return (
    <Page title={t('test.title')} crumbs={crumbs} width="text" text={t('test.text')}>
      {mine.error && !mine.data ? (
        <ErrorState error={mine.error} onRetry={() => void mine.refetch()} />
      ) : !mine.data ? (
        <Skeleton height={320} radius="md" />
      ) : !q ? (
        <EmptyState kind="done" title={t('test.none')} action={<Button component={Link} to="/verification" variant="default">{t('test.back')}</Button>} />
      ) : latest && !again ? (
        <Outcome answers={latest} onAgain={() => setAgain(true)} />
      ) : (
        <Questions asked={q} onDone={done} />
      )}
    </Page>
  );
}

function Outcome({ answers, onAgain }: { answers: Mine['answers'][number]; onAgain: () => void }) {
  const { t } = useTranslation('trader-verify');
  const moment = useMoment();
  const navigate = useNavigate();
  const kyc = useApiQuery('/api/v1/me/kyc');
  const onward = () => void kyc.refetch().then((k) => navigate({ to: k.data ? whereNext(k.data.steps) : '/verification' }));
  const confirm = useWrite('post', '/api/v1/me/questionnaire/acknowledge', { touches: ['kyc', 'client'], onDone: onward });
  const open = answers.warning_key && !answers.acknowledged;
  return (
    <>
      <Card title={t('test.outcome')}>
        {answers.class === 'pass' && <Notice tone="good">{t('test.pass')}</Notice>}
        {answers.class === 'block' && <Notice tone="bad">{t('test.block')}</Notice>}
        {answers.warning_key && <Notice tone="warn">{serverText('shared', answers.warning_key)}</Notice>}
        {answers.leverage_cap && (
          <p className={classes.note}>
            {t('test.leverage', { leverage: `1:${answers.leverage_cap}` })}
          </p>
        )}
        <p className={classes.note}>{t('test.answered', { when: moment(answers.answered_at_us), attempt: answers.attempt })}</p>
      </Card>
      {confirm.error && <Notice tone="bad">{errorText(confirm.error)}</Notice>}
      <div className={classes.foot}>
        {answers.class !== 'pass' && (
          <Button variant="default" onClick={onAgain}>
            {t('test.again')}
          </Button>
        )}
        {open ? (
          <Button size="md" loading={confirm.busy} onClick={() => confirm.submit()}>
            {t('test.understood')}
          </Button>
        ) : (
          <Button size="md" onClick={onward} loading={kyc.isFetching}>
            {t('continue')}
          </Button>
        )}
      </div>
    </>
  );
}

function Questions({ asked, onDone }: { asked: Asked; onDone: (answers: Mine['answers'][number]) => void }) {
  const { t } = useTranslation('trader-verify');
  const [given, setGiven] = useState<Record<string, string[]>>({});
  const [missing, setMissing] = useState<ReadonlySet<string>>(new Set());
  const form = useRef<HTMLFormElement>(null);
  const send = useWrite('post', '/api/v1/me/questionnaire', { touches: ['kyc', 'client'], onDone });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const open = asked.questions.filter((q) => !q.optional && !given[q.code]?.length).map((q) => q.code);
    setMissing(new Set(open));
    if (open[0]) {
      const first = form.current?.querySelector<HTMLElement>(`[data-question="${CSS.escape(open[0])}"] input`);
      first?.focus();
      first?.scrollIntoView({ block: 'center' });
      return;
    }
    send.submit({ body: { answers: given } });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate className={classes.field}>
      {asked.questions.map((q, at) => {
        const label = `${at + 1}. ${serverText('shared', q.text_key)}`;
        const error = missing.has(q.code) && !given[q.code]?.length ? t('test.choose') : undefined;
        return (
          <Card key={q.code}>
            <div data-question={q.code}>
              {q.several ? (
                <Checkbox.Group label={label} description={t('test.several')} error={error} value={given[q.code] ?? []} onChange={(v) => setGiven({ ...given, [q.code]: v })}>
                  {q.options.map((o) => (
                    <Checkbox key={o.code} value={o.code} label={serverText('shared', o.text_key)} mt={10} />
                  ))}
                </Checkbox.Group>
              ) : (
                <Radio.Group label={label} error={error} value={given[q.code]?.[0] ?? ''} onChange={(v) => setGiven({ ...given, [q.code]: [v] })}>
                  {q.options.map((o) => (
                    <Radio key={o.code} value={o.code} label={serverText('shared', o.text_key)} mt={10} />
                  ))}
                </Radio.Group>
              )}
            </div>
          </Card>
        );
      })}
      {send.error && <Notice tone="bad">{errorText(send.error)}</Notice>}
      <div className={classes.foot}>
        <Button type="submit" size="md" loading={send.busy}>
          {t('test.send')}
        </Button>
      </div>
    </form>
  );
}

export const Questionnaire = proven(QuestionnaireScreen, 'trader:nav.verification');
