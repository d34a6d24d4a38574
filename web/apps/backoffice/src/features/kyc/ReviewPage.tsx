import { Anchor, Skeleton, Stack } from '@mantine/core';
import { country, hasText, serverText, useTranslation } from '@qd/i18n';
import { Card, Changed, CopyId, ErrorState, KeyValue, Notice, Page, StatusChip, statusText, Steps, Value, When } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { Link, useParams } from '@tanstack/react-router';
import { Due } from '../../lib/clock';
import { Documents } from './Documents';
import { Checks, Earlier, History, Risk } from './Evidence';
import { useCase, type Case } from './queries';
import { useVerdict } from './Verdict';
import classes from './kyc.module.css';

/** One case: the documents beside what the client typed, and everything to decide on. */
export function ReviewPage() {
  const { t } = useTranslation('office-kyc');
  const { id } = useParams({ strict: false }) as { id: string };
  const record = useCase(id);
  if (record.data) return <Review key={id} file={record.data} waiting={record.waiting} onShow={() => void record.showNew()} />;
  return (
    <Page title={t('one')} crumbs={[{ label: t('title'), to: '/kyc' }]}>
      {record.error ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : (
        <Stack>
          <Skeleton height={60} />
          <Skeleton height={420} />
        </Stack>
      )}
    </Page>
  );
}

function Review({ file, waiting, onShow }: { file: Case; waiting: number; onShow: () => void }) {
  const { t, i18n } = useTranslation('office-kyc');
  const { me } = useSession();
  const lang = i18n.language;
  const verdict = useVerdict(file);
  const a = file.applicant;
  const open = file.state === 'submitted' || file.state === 'in_review';
  return (
    <Page
      title={a?.name ?? t('one')}
      crumbs={[{ label: t('title'), to: '/kyc' }]}
      aside={
        <>
          <StatusChip kind="kyc" value={file.state} />
          {open && <Due us={file.due_at_us} />}
        </>
      }
      actions={verdict.buttons}
    >
      <Changed waiting={waiting} onShow={onShow} />
      {open && file.owner && file.owner.id !== me.id && <Notice tone="warn">{t('claimedBy', { name: file.owner.name })}</Notice>}
      <div className={classes.review}>
        <Documents file={file} />
        <div className={classes.side}>
          <Card title={t('typed')}>
            <KeyValue
              items={[
                { label: t('field.holder_name'), value: a ? <bdi>{a.name}</bdi> : null },
                { label: t('field.birth_date'), value: a?.birth_date ?? null },
                { label: t('field.nationality'), value: a?.nationality ? country(lang, a.nationality) : null },
                { label: t('country'), value: a?.country ? country(lang, a.country) : null },
                { label: t('email'), value: a ? <Value mask="contact">{a.email}</Value> : null },
                { label: t('phone'), value: a ? <Value mask="contact">{a.phone}</Value> : null },
                { label: t('occupation'), value: a?.occupation ? word('occupation', a.occupation) : null, optional: true },
                { label: t('funds'), value: a?.source_of_funds ? word('source_of_funds', a.source_of_funds) : null, optional: true },
                { label: t('pep'), value: a?.pep === null || a?.pep === undefined ? null : a.pep ? t('yes') : t('no'), optional: true },
                { label: t('level'), value: statusText('level', file.level) },
                { label: t('entity'), value: file.entity.toUpperCase() },
                { label: t('owner'), value: file.owner ? <bdi>{file.owner.name}</bdi> : <span className="qd-muted">{t('nobody')}</span> },
                { label: t('round'), value: file.round },
                { label: t('submitted'), value: <When us={file.submitted_at_us} as="full" /> },
                { label: t('record'), value: <Anchor component={Link} to={`/clients/${file.client_id}` as never} inherit>{t('openClient')}</Anchor> },
                { label: t('id'), value: <CopyId id={file.id} /> },
              ]}
            />
          </Card>
          <Risk file={file} />
          <Checks file={file} />
          <Card title={t('steps')}>
            <Steps steps={file.steps} />
          </Card>
          <Earlier clientId={file.client_id} />
          <History file={file} />
        </div>
      </div>
      {verdict.dialogs}
    </Page>
  );
}

/** A choice of the profile, in the words of the client's own form. */
const word = (field: string, code: string) => (hasText('trader-verify', `option.${field}.${code}`) ? serverText('trader-verify', `option.${field}.${code}`) : code);
