import { Button, Checkbox, SegmentedControl, Select, Stack, TextInput, Textarea } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, errorText, MoneyInput, Notice, Page, say, useSearchState, useZone } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import classes from '../settings/settings.module.css';
import { PreviewFigures } from './Figures';
import { causes, emptyDraft, requestOf, type Draft } from './request';
import { causeText, policyText } from './words';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

/** What is changed and from when, its figures, then the request for a second person's decision. */
export function NewCorrection() {
  const { t } = useTranslation(['office-engine', 'office-partners']);
  const { zone } = useZone();
  const go = useNavigate();
  const [search] = useSearchState();
  const [d, setD] = useState<Draft>({ ...emptyDraft, ...(causes.some((c) => c === search.cause) ? { cause: search.cause as Draft['cause'] } : {}), client: search.client ?? '', partner: search.partner ?? null });
  const [policy, setPolicy] = useState<'retier' | 'freeze'>('retier');
  const [reason, setReason] = useState('');
  const [seen, setSeen] = useState<{ key: string; preview: Schema<'CorrectionPreview'> } | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const preview = useWrite('post', '/api/v1/corrections/preview', { touches: [] });
  const make = useWrite('post', '/api/v1/corrections');
  const partners = useApiQuery('/api/v1/partners', { query: { limit: 200 } });
  const plans = useApiQuery('/api/v1/plans', d.cause === 'plan_assigned' ? { query: { limit: 200 } } : null);
  const request = requestOf(d, zone);
  const key = JSON.stringify({ request, policy });
  const fresh = seen?.key === key ? seen.preview : null;
  const set = (part: Partial<Draft>) => setD({ ...d, ...part });
  const people = (partners.data?.items ?? []).map((p) => ({ value: p.id, label: p.name }));
  const look = () => request && void preview.run({ body: { request, policy } }).then((p) => { setFailed(null); setSeen({ key, preview: p }); }, (e: unknown) => setFailed(e));
  const ask = () => request && void make.run({ body: { request, policy, reason: reason.trim() } }).then((c) => { say(t('cor.preparedNow')); void go({ to: `/corrections/${c.id}` as never }); }, (e: unknown) => setFailed(e));
  const day = (label: string, name: 'from' | 'to', note?: string) => <Suspense><DateField label={label} description={note} clearable value={d[name]} onChange={(v) => set({ [name]: v })} /></Suspense>;
  return (
    <Page title={t('cor.add')} crumbs={[{ label: t('cor.title'), to: '/corrections' }]}>
      <Stack>
        <Card title={t('cor.what')}>
          <Stack>
            <Select label={t('cor.cause')} description={t(`causeNote.${d.cause as 'rebook'}`)} allowDeselect={false} data={causes.map((c) => ({ value: c, label: causeText(c) }))} value={d.cause} onChange={(c) => c && set({ cause: c as Draft['cause'] })} />
            <div className={classes.grid}>
              {(d.cause === 'rebook' || d.cause === 'client_moved') && <TextInput label={d.cause === 'rebook' ? t('cor.onlyClient') : t('cor.client')} description={t('cor.clientNote')} dir="ltr" value={d.client} onChange={(e) => set({ client: e.currentTarget.value })} />}
              {d.cause !== 'deal_corrected' && <Select label={d.cause === 'rebook' ? t('cor.onlyPartner') : d.cause === 'client_moved' ? t('cor.newPartner') : t('cor.partner')} clearable searchable placeholder={d.cause === 'client_moved' ? t('cor.nobody') : undefined} data={people} value={d.partner} onChange={(v) => set({ partner: v })} />}
              {d.cause === 'partner_moved' && <Select label={t('cor.newParent')} clearable searchable placeholder={t('cor.top')} data={people.filter((p) => p.value !== d.partner)} value={d.parent} onChange={(v) => set({ parent: v })} />}
              {d.cause === 'plan_assigned' && <Select label={t('cor.plan')} searchable data={(plans.data?.items ?? []).map((p) => ({ value: p.id, label: p.name }))} value={d.plan} onChange={(v) => set({ plan: v })} />}
              {d.cause === 'deal_corrected' && (
                <>
                  <TextInput label={t('cor.server')} dir="ltr" value={d.server} onChange={(e) => set({ server: e.currentTarget.value })} />
                  <TextInput label={t('cor.ticket')} dir="ltr" value={d.ticket} onChange={(e) => set({ ticket: e.currentTarget.value })} />
                  <TextInput label={t('cor.lotsClosed')} inputMode="decimal" dir="ltr" disabled={d.cancelled} value={d.lots} onChange={(e) => set({ lots: e.currentTarget.value.replace(',', '.').trim() })} />
                  <Checkbox label={t('cor.cancelled')} checked={d.cancelled} onChange={(e) => set({ cancelled: e.currentTarget.checked })} />
                </>
              )}
              {d.cause === 'manual' && (
                <>
                  <Select label={t('batch.currency')} allowDeselect={false} data={['USD', 'EUR', 'GBP']} value={d.currency} onChange={(v) => v && set({ currency: v })} />
                  <MoneyInput label={t('cor.amount')} description={t('cor.amountNote')} currency={d.currency} value={d.minor} onChange={(minor) => set({ minor })} />
                  <TextInput label={t('cor.note')} dir="auto" value={d.note} onChange={(e) => set({ note: e.currentTarget.value })} />
                </>
              )}
              {d.cause !== 'deal_corrected' && day(d.cause === 'manual' ? t('cor.value') : t('cor.from'), 'from')}
              {d.cause === 'rebook' && day(t('cor.to'), 'to', t('cor.toNote'))}
            </div>
            <div>
              <p id="cor-policy" style={{ marginBlock: '0 0.35rem', fontWeight: 600 }}>{t('cor.policy')}</p>
              <SegmentedControl aria-labelledby="cor-policy" value={policy} onChange={(v) => setPolicy(v as 'retier' | 'freeze')} data={(['retier', 'freeze'] as const).map((value) => ({ value, label: policyText(value) }))} />
            </div>
            <div><Button loading={preview.busy} disabled={!request} onClick={look}>{t('cor.look')}</Button></div>
            {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
          </Stack>
        </Card>
        {fresh && (
          <>
            <PreviewFigures preview={fresh} chosen={policy} />
            <Card title={t('cor.ask')}>
              <Stack>
                <p style={{ margin: 0 }}>{t('cor.askText')}</p>
                <Textarea label={t('cor.reason')} description={t('cor.reasonNote')} required autosize minRows={2} dir="auto" value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
                <div><Button loading={make.busy} disabled={reason.trim() === ''} onClick={ask}>{t('cor.askDo')}</Button></div>
              </Stack>
            </Card>
          </>
        )}
        {seen && !fresh && <Notice tone="info">{t('cor.stale')}</Notice>}
      </Stack>
    </Page>
  );
}
