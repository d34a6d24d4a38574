import { Button, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, CopyId, covered, Diff, Disabled, Drawer, ErrorState, KeyValue, Masked, Notice, ReasonDialog, say, Value, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useState } from 'react';
import { Named, useNames } from '../../lib/names';
import { contractForm, read, type Field } from '../settings/form/fields';
import { choiceText, SettingForm, shownText } from '../settings/form/SettingForm';

type View = Schema<'PartnerTermsView'>;
const labelOf = (field: Field) => serverText('office-settings', `${contractForm.slug}.${field.name}`);
const house = contractForm.fields.filter((f) => f.kind !== 'destination' && f.name !== 'kyb');

/** How a partner is paid: what holds, and which of it its own contract says. */
export function TermsTab({ id }: { id: string }) {
  const { t } = useTranslation(['office-programmes', 'office-settings']);
  const may = useCan('partners.manage');
  const terms = useApiQuery('/api/v1/partners/{id}/terms', { path: { id } });
  const [editing, setEditing] = useState(false);
  const name = useNames([terms.data?.changed_by]);
  const v = terms.data;
  if (terms.error && !v) return <ErrorState error={terms.error} onRetry={() => void terms.refetch()} />;
  if (!v) return <Skeleton height={300} />;
  const d = v.destination;
  return (
    <>
      <Cards min="28rem">
        <Card title={t('terms.holds')} actions={may ? <Disabled why={covered(v.document.destination) ? t('terms.covered') : null}><Button size="compact-sm" onClick={() => setEditing(true)}>{t('terms.change')}</Button></Disabled> : undefined}>
          <KeyValue
            items={house.map((f) => {
              const own = read(v.document, f.at);
              return {
                label: labelOf(f),
                value: <><bdi>{shownText(f, read(v.terms, f.at))}</bdi>{own !== undefined && own !== null && <> <Chip tone="info" label={t('terms.own')} /></>}</>,
              };
            })}
          />
        </Card>
        <Stack>
          <Card title={t('office-settings:terms.destination')}>
            {covered(d) ? (
              <Masked mask="bank" />
            ) : d ? (
              <KeyValue
                items={[
                  { label: t('office-settings:way.label'), value: t(`office-settings:way.${d.way}`) },
                  { label: t('office-settings:way.account'), value: d.account ? <CopyId id={d.account} /> : null, optional: true },
                  { label: t('office-settings:way.name'), value: d.name ? <bdi><Value>{d.name}</Value></bdi> : null, optional: true },
                  { label: t('office-settings:way.iban'), value: d.iban ? <bdi dir="ltr"><Value mask="bank">{d.iban}</Value></bdi> : null, optional: true },
                  { label: t('office-settings:way.bic'), value: d.bic ? <bdi dir="ltr">{d.bic}</bdi> : null, optional: true },
                ]}
              />
            ) : (
              <Notice tone="warn">{t('terms.noDestination')}</Notice>
            )}
            {v.document.kyb_reference && <KeyValue items={[{ label: t('office-settings:terms.kyb'), value: <bdi>{v.document.kyb_reference}</bdi> }]} />}
          </Card>
          <Card title={t('terms.contract')}>
            {v.version === 0 ? (
              <p className="qd-muted">{t('terms.nothing')}</p>
            ) : (
              <KeyValue
                items={[
                  { label: t('terms.version'), value: v.version },
                  { label: t('terms.changedBy'), value: <Named id={v.changed_by} name={name(v.changed_by)} /> },
                  { label: t('terms.changedAt'), value: <When us={v.changed_at_us} as="full" /> },
                ]}
              />
            )}
          </Card>
        </Stack>
      </Cards>
      <EditTerms view={v} opened={editing} onClose={() => setEditing(false)} onDone={() => void terms.refetch()} />
    </>
  );
}

/** The contract as fields: an empty one is what the entity or the house says. */
function EditTerms({ view: v, opened, onClose, onDone }: { view: View; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['office-programmes', 'office-settings', 'common']);
  const put = useWrite('put', '/api/v1/partners/{id}/terms');
  const [doc, setDoc] = useState<unknown>({});
  const [ready, setReady] = useState(0);
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const before = said(v.document);
  useEffect(() => {
    if (!opened) return;
    setDoc(said(v.document));
    setReady((n) => n + 1);
    setFailed(null);
    // What is edited is what was there when the drawer opened.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [opened, v.version]);
  const problems = (failed as { fields?: readonly { pointer: string; code: string }[] } | null)?.fields ?? [];
  const errors = Object.fromEntries(problems.filter((f) => f.pointer.startsWith('/document')).map((f) => [f.pointer.slice('/document'.length), f.code]));
  const changed = JSON.stringify(doc) !== JSON.stringify(before);
  // What holds without the contract is not told: only where the contract says nothing is it known what else counts.
  const inherited = Object.fromEntries(Object.entries(v.terms).filter(([key]) => !(key in before)));
  return (
    <Drawer opened={opened} onClose={onClose} size="lg" title={t('terms.change')} footer={<Button disabled={!changed} onClick={() => { setFailed(null); setAsking(true); }}>{t('office-settings:review')}</Button>}>
      <Stack>
        <p style={{ margin: 0 }}>{t('terms.text')}</p>
        {ready > 0 && <SettingForm key={ready} form={contractForm} doc={doc} standard={inherited} readOnly={false} errors={errors} onChange={setDoc} />}
      </Stack>
      <ReasonDialog
        opened={asking}
        onClose={() => setAsking(false)}
        size="lg"
        title={t('office-settings:review')}
        text={t('terms.reviewText')}
        confirm={t('common:save')}
        busy={put.busy}
        error={asking ? failed : null}
        onConfirm={({ note }) =>
          void put.run({ path: { id: v.partner_id }, body: { base_version: v.version, document: doc as View['document'], reason: note } }).then(
            () => { setAsking(false); say(t('saved')); onClose(); onDone(); },
            (e: unknown) => {
              setFailed(e);
              if (((e as { fields?: readonly { pointer: string }[] }).fields ?? []).some((f) => f.pointer.startsWith('/document'))) setAsking(false);
            },
          )
        }
      >
        <Diff
          before={before}
          after={doc as Record<string, unknown>}
          label={placeText}
          format={(path, value) => {
            const field = fieldOf(path);
            if (path === 'destination.way' && value) return serverText('office-settings', `way.${String(value)}`);
            return field && path === field.at.join('.') ? shownText(field, value) : value === undefined ? '–' : String(value);
          }}
        />
      </ReasonDialog>
    </Drawer>
  );
}

const fieldOf = (path: string) => contractForm.fields.find((f) => path === f.at.join('.') || path.startsWith(`${f.at.join('.')}.`));

/** A place of the document in the form's words, with the part of it that changed. */
function placeText(path: string): string {
  const field = fieldOf(path);
  if (!field) return path;
  const part = path.slice(field.at.join('.').length + 1);
  if (!part) return labelOf(field);
  const named = field.kind === 'destination' ? serverText('office-settings', `way.${part === 'way' ? 'label' : part}`) : field.kind === 'days' ? choiceText(field.choices, part) : part;
  return `${labelOf(field)} · ${named}`;
}

/** A document without what it does not say. */
function said(document: View['document']): Record<string, unknown> {
  // A covered place is nothing that could be sent back.
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null && value !== undefined && !covered(value)));
}
