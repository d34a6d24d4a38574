import { Button, Checkbox, NumberInput, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { errorText, Card, Cards, dayStartUs, Notice, Page, say, useZone } from '@qd/ui';
import { useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { useSession } from '@qd/ui/app';
import { lazy, Suspense, useState } from 'react';
import { isDecimal, tidy, type PlanDoc } from './document';
import { Override } from './Override';
import { Preview } from './Preview';
import { Rules } from './Rules';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

interface Props {
  id?: string;
  version?: number;
  entity?: string | null;
  start: PlanDoc;
  onClose: () => void;
  onSaved: (id: string) => void;
}

/** A new version of a plan; beside it a sample trade says at once what the version would pay. */
export function PlanEditor({ id, version, entity, start, onClose, onSaved }: Props) {
  const { t } = useTranslation(['office-partners', 'common']);
  const { zone } = useZone();
  const { me, boot } = useSession();
  const save = useWrite('post', '/api/v1/plans');
  const [doc, setDoc] = useState<PlanDoc>(start);
  const [home, setHome] = useState<string | null>(entity ?? null);
  const [day, setDay] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const entities = [...new Set([...me.entities.filter((e) => e !== '*'), boot?.entity.code ?? '', entity ?? ''])].filter(Boolean);
  const x = doc.exclusions ?? {};
  const nameMissing = doc.name.trim() === '';
  const reasonMissing = reason.trim() === '';
  const bad = nameMissing || reasonMissing || (doc.rules ?? []).some((r) => !isDecimal(r.rate) || !r.id.trim());
  const send = () => {
    setTried(true);
    if (bad) return;
    save.run({ body: { id: id ?? null, base_version: version ?? null, entity: home, document: tidy(doc) as never, reason: reason.trim(), valid_from_us: day ? dayStartUs(day, zone) : Date.now() * 1000 } }).then(
      (saved) => { say(t('done.saved')); onSaved(saved.id); },
      (e: unknown) => setFailed(e),
    );
  };
  return (
    <Page
      title={id ? t('plans.editOf', { name: start.name }) : t('plans.add')}
      crumbs={[{ label: t('plans.title'), to: '/plans' }]}
      actions={
        <>
          <Button onClick={send} loading={save.busy}>{t('plans.save')}</Button>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
        </>
      }
    >
      {failed !== null && <Notice tone="bad">{errorText(failed)}<Faults error={failed} /></Notice>}
      <Cards min="30rem">
        <Stack>
          <Card title={t('plans.about')}>
            <Stack>
              <TextInput label={t('col.name')} required dir="auto" value={doc.name} onChange={(e) => setDoc({ ...doc, name: e.currentTarget.value })} error={tried && nameMissing && t('plans.nameMissing')} />
              <Select label={t('plans.currency')} allowDeselect={false} data={[...new Set(['USD', 'EUR', 'GBP', doc.currency]), 'account'].filter((v, at, all) => all.indexOf(v) === at).map((value) => ({ value, label: value === 'account' ? t('plans.accountCurrency') : value }))} value={doc.currency} onChange={(v) => setDoc({ ...doc, currency: v ?? 'USD' })} />
              <Select label={t('col.entity')} placeholder={t('plans.anyEntity')} clearable disabled={!!id} data={entities} value={home} onChange={setHome} />
              <Suspense><DateField label={t('plans.validFrom')} description={t('fromNow')} clearable value={day} onChange={(v) => setDay(v)} /></Suspense>
              <Textarea label={t('plans.reason')} required autosize minRows={2} dir="auto" value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={tried && reasonMissing && t('plans.reasonMissing')} />
            </Stack>
          </Card>
          <Rules doc={doc} onChange={setDoc} tried={tried} />
        </Stack>
        <Stack>
          <Preview doc={doc} />
          <Override doc={doc} onChange={setDoc} />
          <Card title={t('plans.exclusions')}>
            <Stack>
              <NumberInput label={t('plans.minDuration')} description={t('plans.minDurationNote')} min={0} max={604_800} allowDecimal={false} value={x.min_duration_secs ?? 0} onChange={(v) => setDoc({ ...doc, exclusions: { ...x, min_duration_secs: Number(v) || 0 } })} />
              <Checkbox label={t('plans.negative')} checked={x.negative_balance ?? false} onChange={(e) => setDoc({ ...doc, exclusions: { ...x, negative_balance: e.currentTarget.checked } })} />
              <Checkbox label={t('plans.bonus')} checked={x.bonus_share ?? false} onChange={(e) => setDoc({ ...doc, exclusions: { ...x, bonus_share: e.currentTarget.checked } })} />
              <TagsInput label={t('plans.onlyCountries')} description={t('plans.twoLetters')} value={doc.scope?.countries ?? []} onChange={(v) => setDoc({ ...doc, scope: { ...doc.scope, countries: v.map((c) => c.toUpperCase()) } })} />
            </Stack>
          </Card>
        </Stack>
      </Cards>
    </Page>
  );
}

/** Where in the document the server found something wrong. */
function Faults({ error }: { error: unknown }) {
  const fields = (error as { fields?: readonly { pointer?: string; detail?: string; code?: string }[] } | null)?.fields ?? [];
  if (fields.length === 0) return null;
  return <ul>{fields.map((f) => <li key={`${f.pointer}${f.code}`}><bdi dir="ltr" className="qd-mono">{f.pointer?.replace(/^\/document/, '')}</bdi> {f.detail ?? f.code}</li>)}</ul>;
}
