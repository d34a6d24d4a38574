import { Button, Skeleton } from '@mantine/core';
import { href, upload, useApiQuery, useRefresh } from '@qd/api';
import { dateFormat, serverText, useTranslation } from '@qd/i18n';
import { Card, Dialog, DocViewer, EmptyState, ErrorState, Notice, Page, StatusChip, Upload, useSearchState, When } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { type Kyc, requirementName, whereNext } from '../../lib/kyc';
import { Choices } from '../../lib/parts';
import { proven } from '../../lib/proven';
import classes from '../../lib/room.module.css';
import { HandIn } from './HandIn';

type Requirement = Kyc['requirements'][number];
type Document = Kyc['documents'][number];

const kindName = (kind: string): string => serverText('trader-verify', `kind.${kind}`);

/** What is asked for, one card each: only what is missing or was refused can be sent. */
function DocumentsScreen() {
  const { t } = useTranslation('trader-verify');
  const kyc = useApiQuery('/api/v1/me/kyc');
  const k = kyc.data;
  const [search, set] = useSearchState();
  const shown = k?.documents.find((d) => d.id === search.doc);
  const open = k && ['open', 'collecting', 'resubmission', 'expired'].includes(k.state);
  const first = k?.steps.find((s) => (s.key === 'profile' || s.key === 'questionnaire') && s.state !== 'done');
  return (
    <Page title={t('documents.title')} crumbs={[{ label: t('title'), to: '/verification' }]} width="text" text={t('documents.text')}>
      {kyc.error && !k ? (
        <ErrorState error={kyc.error} onRetry={() => void kyc.refetch()} />
      ) : !k ? (
        <Skeleton height={320} radius="md" />
      ) : k.requirements.length === 0 ? (
        <EmptyState kind="done" title={t('documents.none')} />
      ) : (
        <>
          {k.requirements.map((r) => (
            <RequirementCard key={r.code} requirement={r} documents={k.documents.filter((d) => d.requirement === r.code)} open={!!open} onView={(id) => set({ doc: id })} />
          ))}
          <div className={classes.foot}>
            {k.can_submit && <HandIn />}
            {!k.can_submit && open && first && (
              <Button component={Link} to={whereNext(k.steps)} variant="default">
                {t('documents.also', { what: serverText('trader', `kyc_step.${first.key}`) })}
              </Button>
            )}
          </div>
        </>
      )}
      {shown && (
        <Dialog opened onClose={() => set({ doc: null })} title={kindName(shown.kind)} size="lg">
          <DocViewer src={href('/api/v1/me/kyc/documents/{id}', { path: { id: shown.id } })} mime={shown.mime} name={kindName(shown.kind)} downloadable />
        </Dialog>
      )}
    </Page>
  );
}

function RequirementCard({ requirement: r, documents, open, onView }: { requirement: Requirement; documents: readonly Document[]; open: boolean; onView: (id: string) => void }) {
  const { t, i18n } = useTranslation('trader-verify');
  const current = documents.filter((d) => d.state !== 'replaced' && !d.superseded_by);
  const [kind, setKind] = useState<string | null>(current.at(-1)?.kind ?? r.kinds[0] ?? null);
  const refresh = useRefresh();
  const rejected = current.filter((d) => d.state === 'rejected');
  const wanted = open && (r.state === 'missing' || r.state === 'side_missing' || r.state === 'rejected');
  const sides = kind && r.two_sided.includes(kind) ? (['front', 'back'] as const) : (['single'] as const);
  // A side that is there and not refused is not asked for again.
  const missing = sides.filter((side) => !current.some((d) => d.kind === kind && d.side === side && (d.state === 'pending' || d.state === 'accepted')));
  const history = [...documents].reverse();
  return (
    <Card title={requirementName(r.code, r.title_key)} actions={<StatusChip kind="requirement" value={r.state} audience="client" />}>
      {rejected.map((d) => (
        <Notice key={d.id} tone="warn" title={t('documents.rejected', { kind: kindName(d.kind) })}>
          {d.reason_text_key ? serverText('shared', d.reason_text_key) : null} {d.reason_note}
        </Notice>
      ))}
      {r.max_age_days && wanted && <p className={classes.note}>{t('documents.max_age', { count: r.max_age_days })}</p>}
      {wanted && (
        <>
          {r.kinds.length > 1 && (
            <Choices legend={t('documents.which')} name={`kind-${r.code}`} value={kind} onChange={setKind} options={r.kinds.map((value) => ({ value, name: kindName(value), notes: r.two_sided.includes(value) ? [t('documents.two_sides')] : [] }))} />
          )}
          {kind &&
            missing.map((side) => (
              <Upload
                key={`${kind}-${side}`}
                label={side === 'single' ? kindName(kind) : t(`documents.${side}`, { kind: kindName(kind) })}
                hint={t('documents.hint')}
                camera={r.code === 'selfie' ? 'user' : 'environment'}
                strict
                send={(file, onProgress, signal) => upload('/api/v1/me/kyc/documents', { query: { requirement: r.code, kind, ...(side === 'single' ? {} : { side }) }, body: file }, { onProgress, signal })}
                onDone={() => refresh('kyc', 'client')}
              />
            ))}
        </>
      )}
      {history.length > 0 && (
        <ul className={classes.list} aria-label={t('documents.history')}>
          {history.map((d) => (
            <li key={d.id}>
              <div className={classes.row}>
                <span />
                <span className={classes.rowText}>
                  <span className={classes.rowTitle}>{d.side === 'single' ? kindName(d.kind) : t(`documents.${d.side}`, { kind: kindName(d.kind) })}</span>
                  <span className={classes.rowNote}>
                    {t('documents.sent')} <When us={d.uploaded_at_us} />
                    {d.expires_on ? ` · ${t('documents.expires', { date: dateFormat(i18n.language, { dateStyle: 'medium', timeZone: 'UTC' }).format(Date.parse(`${d.expires_on}T00:00:00Z`)) })}` : ''}
                  </span>
                  {d.state !== 'rejected' || d.superseded_by ? (d.reason_text_key ? <span className={classes.rowNote}>{serverText('shared', d.reason_text_key)}</span> : null) : null}
                </span>
                <span className={classes.rowEnd}>
                  <StatusChip kind="document" value={d.state} audience="client" size="sm" />
                  <Button size="compact-xs" variant="subtle" onClick={() => onView(d.id)}>
                    {t('documents.view')}
                  </Button>
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export const Documents = proven(DocumentsScreen, 'trader:nav.verification');
