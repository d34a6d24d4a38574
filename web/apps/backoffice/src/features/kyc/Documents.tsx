import { Button, TextInput } from '@mantine/core';
import { href, useWrite } from '@qd/api';
import { country, hasText, serverText, useTranslation } from '@qd/i18n';
import { Card, Disabled, DocViewer, EmptyState, errorText, KeyValue, Notice, say, StatusChip, statusText, useShortcuts, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useState } from 'react';
import { CodedReason, useRejectReasons } from './CodedReason';
import type { Case, Doc } from './queries';
import classes from './kyc.module.css';

const FIELDS = ['holder_name', 'number', 'birth_date', 'nationality', 'issued_on', 'expires_on'] as const;
type Field = (typeof FIELDS)[number];

/** What a document is called: `passport`, `utility_bill`. */
function useKindText() {
  useTranslation('office-kyc');
  return (kind: string) => (hasText('trader-verify', `kind.${kind}`) ? serverText('trader-verify', `kind.${kind}`) : serverText('shared', `document.${kind}`));
}

/** The documents handed in: looked at, read, compared, decided one by one. */
export function Documents({ file }: { file: Case }) {
  const { t } = useTranslation('office-kyc');
  const kindText = useKindText();
  const sees = useCan('kyc.documents.view');
  const first = file.documents.find((d) => d.state === 'pending') ?? file.documents.at(-1);
  const [chosen, setChosen] = useState<string | undefined>(first?.id);
  const doc = file.documents.find((d) => d.id === chosen) ?? first;
  const at = doc ? file.documents.indexOf(doc) : -1;
  const go = (by: number) => setChosen(file.documents[(at + by + file.documents.length) % file.documents.length]?.id);
  useShortcuts([
    { keys: '[', label: t('previousDoc'), group: t('one'), run: () => go(-1), enabled: file.documents.length > 1 },
    { keys: ']', label: t('nextDoc'), group: t('one'), run: () => go(1), enabled: file.documents.length > 1 },
  ]);
  if (!doc) {
    return (
      <Card title={t('documents')}>
        <EmptyState title={t('noDocs')} text={file.missing.map((m) => serverText('status', `missing.${m}`)).join(' · ')} />
      </Card>
    );
  }
  return (
    <div className={classes.docs}>
      <Card title={t('documents')}>
        <div className={classes.picker} role="group" aria-label={t('documents')}>
          {file.documents.map((d) => (
            <button key={d.id} type="button" className={classes.pick} aria-pressed={d.id === doc.id} onClick={() => setChosen(d.id)}>
              <span>
                {kindText(d.kind)}
                {d.side !== 'single' && ` · ${statusText('side', d.side)}`}
              </span>
              <StatusChip kind="document" value={d.state} size="sm" />
            </button>
          ))}
        </div>
        {sees ? <DocViewer key={doc.id} src={href('/api/v1/documents/{id}', { path: { id: doc.id } })} mime={doc.mime} name={kindText(doc.kind)} downloadable /> : <Notice tone="info">{t('notForYou')}</Notice>}
      </Card>
      <Reading key={`${doc.id}:${doc.state}`} file={file} doc={doc} kindText={kindText} />
    </div>
  );
}

/** What the document says, what differs from what was typed, and the verdict about it. */
function Reading({ file, doc, kindText }: { file: Case; doc: Doc; kindText: (kind: string) => string }) {
  const { t, i18n } = useTranslation('office-kyc');
  const { me } = useSession();
  const may = useCan('kyc.review');
  const reasons = useRejectReasons(file.entity, ['retry', 'person']);
  const save = useWrite('post', '/api/v1/documents/{id}/fields', { touches: ['kyc'] });
  const accept = useWrite('post', '/api/v1/documents/{id}/accept', { touches: ['kyc'] });
  const reject = useWrite('post', '/api/v1/documents/{id}/reject', { touches: ['kyc'] });
  const [rejecting, setRejecting] = useState(false);
  const detail = doc.detail;
  const known = (f: Field) => (f === 'number' ? '' : ((detail?.fields[f] as string | null | undefined) ?? ''));
  const [typed, setTyped] = useState<Partial<Record<Field, string>>>({});
  const [waivers, setWaivers] = useState<Record<string, string>>({});
  const value = (f: Field) => typed[f] ?? known(f);
  const changed = Object.fromEntries(FIELDS.filter((f) => typed[f] !== undefined && typed[f] !== known(f)).map((f) => [f, typed[f]!.trim() || null]));
  const dirty = Object.keys(changed).length > 0;
  const path = { id: doc.id };
  const mine = file.owner?.id === me.id;
  const pending = doc.state === 'pending';
  const why = !mine ? (file.owner ? t('claimedBy', { name: file.owner.name }) : t('claimFirst')) : null;
  const open = (detail?.mismatches ?? []).filter((m) => !detail?.waivers.some((w) => w.field === m.field));
  const unsaid = open.filter((m) => !waivers[m.field]?.trim());

  const run = async (what: () => Promise<unknown>, done: string) => {
    try {
      await what();
      setTyped({});
      setRejecting(false);
      say(done);
    } catch {
      // Shown below, at the documents' own buttons.
    }
  };
  const yes = () =>
    run(
      () => accept.run({ path, body: { fields: dirty ? changed : undefined, waivers: open.map((m) => ({ field: m.field, reason: (waivers[m.field] ?? '').trim() })).filter((w) => w.reason) } }),
      t('accepted'),
    );
  const ready = may && pending && !why;
  useShortcuts([
    { keys: 'y', label: t('accept'), group: t('one'), run: () => void yes(), enabled: ready && unsaid.length === 0 },
    { keys: 'x', label: t('rejectDoc'), group: t('one'), run: () => setRejecting(true), enabled: ready && !rejecting },
  ]);
  const problem = accept.error ?? save.error;

  return (
    <Card title={kindText(doc.kind)} actions={<StatusChip kind="document" value={doc.state} />}>
      <KeyValue
        items={[
          { label: t('proves'), value: serverText('shared', `document.${doc.requirement}`) },
          { label: t('uploaded'), value: <When us={doc.uploaded_at_us} as="full" /> },
          { label: t('read'), value: detail?.fields_source ? statusText('fields_source', detail.fields_source) : null, optional: true },
          { label: t('docNumber'), value: detail?.fields.number ? <bdi dir="ltr" className="qd-mono">{`••••${detail.fields.number.tail}`}</bdi> : null, optional: true },
          { label: t('coded'), value: doc.reason_text_key ? serverText('shared', doc.reason_text_key) : null, optional: true },
          { label: t('noteToClient'), value: doc.reason_note ? <span dir="auto">{doc.reason_note}</span> : null, optional: true },
          { label: t('decided'), value: detail?.decided_at_us ? <When us={detail.decided_at_us} as="full" /> : null, optional: true },
        ]}
      />
      {detail && detail.mismatches.length > 0 && (
        <table className={classes.mismatch}>
          <caption className="qd-hidden">{t('mismatches')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('mismatches')}</th>
              <th scope="col">{t('expected')}</th>
              <th scope="col">{t('onDocument')}</th>
            </tr>
          </thead>
          <tbody>
            {detail.mismatches.map((m) => {
              const waived = detail.waivers.find((w) => w.field === m.field);
              return (
                <tr key={m.field}>
                  <th scope="row">
                    {serverText('office-kyc', `field.${m.field}`)}
                    <br />
                    <small>{serverText('office-kyc', `mismatch.${m.reason}`)}</small>
                  </th>
                  <td>
                    <bdi>{m.expected}</bdi>
                  </td>
                  <td>
                    <mark>
                      <bdi>{m.document}</bdi>
                    </mark>
                    {waived ? (
                      <p dir="auto" style={{ margin: '0.3rem 0 0' }}>
                        {t('waived', { reason: waived.reason })}
                      </p>
                    ) : ready ? (
                      <TextInput
                        size="xs"
                        mt={6}
                        aria-label={t('waiveField', { field: serverText('office-kyc', `field.${m.field}`) })}
                        placeholder={t('waive')}
                        value={waivers[m.field] ?? ''}
                        onChange={(e) => setWaivers({ ...waivers, [m.field]: e.currentTarget.value })}
                        dir="auto"
                      />
                    ) : null}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {detail && may && pending && (
        <div className={classes.fields}>
          {FIELDS.map((f) => (
            <TextInput
              key={f}
              label={t(`field.${f}`)}
              description={f === 'nationality' && value(f).length === 2 ? country(i18n.language, value(f).toUpperCase()) : undefined}
              placeholder={f.endsWith('_on') || f === 'birth_date' ? t('datePlaceholder') : f === 'number' && detail.fields.number ? `••••${detail.fields.number.tail}` : undefined}
              value={value(f)}
              maxLength={f === 'nationality' ? 2 : 120}
              onChange={(e) => setTyped({ ...typed, [f]: f === 'nationality' ? e.currentTarget.value.toUpperCase() : e.currentTarget.value })}
              dir={f === 'holder_name' ? 'auto' : 'ltr'}
              autoComplete="off"
              readOnly={!!why}
            />
          ))}
        </div>
      )}
      {may && pending && (
        <div className={classes.buttons}>
          <Disabled why={why ?? (unsaid.length > 0 ? t('waiveFirst') : null)}>
            <Button onClick={() => void yes()} loading={accept.busy} aria-keyshortcuts="y">
              {t('accept')}
            </Button>
          </Disabled>
          <Disabled why={why}>
            <Button variant="default" color="red" onClick={() => setRejecting(true)} aria-keyshortcuts="x">
              {t('rejectDoc')}
            </Button>
          </Disabled>
          {dirty && (
            <Button variant="subtle" loading={save.busy} onClick={() => void run(() => save.run({ path, body: changed }), t('saved'))}>
              {t('compare')}
            </Button>
          )}
        </div>
      )}
      {problem ? <Notice tone="bad">{errorText(problem)}</Notice> : null}
      <CodedReason
        opened={rejecting}
        onClose={() => setRejecting(false)}
        title={t('rejectDocTitle', { kind: kindText(doc.kind) })}
        reasons={reasons}
        noteLabel={t('noteToClient')}
        noteRequired={false}
        confirm={t('rejectDoc')}
        busy={reject.busy}
        error={reject.error}
        onConfirm={({ code, note }) => run(() => reject.run({ path, body: { reason_code: code, note: note || null } }), t('docRejected'))}
      />
    </Card>
  );
}
