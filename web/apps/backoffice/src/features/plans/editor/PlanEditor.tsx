import { Button, Select, Stack, Textarea } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, dayStartUs, Drawer, errorText, Notice, Page, say, useZone } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { Chain } from './Chain';
import { put, type Path, type PlanDoc, tidy } from './document';
import { EditingProvider, type Editing, type Fault } from './editing';
import { Text } from './fields';
import { Limits, Tiers } from './Limits';
import { Preview } from './Preview';
import { Cpa, Hybrid, RevenueShare } from './Programmes';
import { Rules } from './Rules';
import { events, firstSample, ready, says, tried, type Sample } from './sample';
import { templates } from './templates';
import { Terms } from './Terms';
import classes from './editor.module.css';

const Simulator = lazy(() => import('../../simulator/Simulator').then((m) => ({ default: m.Simulator })));
const DateField = lazy(() => import('@qd/ui/form/DateField'));

interface Props {
  id?: string;
  version?: number;
  entity?: string | null;
  start: PlanDoc;
  onClose: () => void;
  onSaved: (id: string) => void;
}

/** A problem's fields by their place in the plan, wherever the request carried it. */
function faultsOf(error: unknown, place?: readonly number[]): Fault[] {
  const fields = (error as { fields?: readonly Fault[] } | null)?.fields ?? [];
  return fields.map((f) => ({ ...f, pointer: f.pointer.replace(/^\/(document|plan)(?=\/|$)/, '').replace(/^\/rules\/(\d+)/, (_, n: string) => `/rules/${place?.[Number(n)] ?? n}`) }));
}
const byPlace = (all: readonly Fault[]) => new Map(all.map((f) => [f.pointer, f]));

/** A new version of a plan; beside it a sample trade says at once what the version would pay. */
export function PlanEditor({ id, version, entity, start, onClose, onSaved }: Props) {
  const { t } = useTranslation(['office-plans', 'office-partners', 'office-engine', 'common']);
  const { zone } = useZone();
  const { me, boot } = useSession();
  // Who may not enter every entity writes plans for one.
  const everywhere = me.entities.includes('*');
  const [home, setHome] = useState<string | null>(entity ?? (id || everywhere ? null : (me.entities[0] ?? null)));
  const save = useWrite('post', '/api/v1/plans');
  const [doc, setDoc] = useState<PlanDoc>(start);
  const [day, setDay] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const [simulating, setSimulating] = useState(false);
  const [saving, setSaving] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const [refused, setRefused] = useState<{ doc: PlanDoc; faults: Fault[] } | null>(null);
  const [sample, setSample] = useState<Sample>(firstSample);
  const tryOut = useTryOut(doc, sample, t('office-partners:plans.partnerAt', { level: '{n}' }));
  const entities = [...new Set([...me.entities.filter((e) => e !== '*'), boot?.entity.code ?? '', entity ?? ''])].filter(Boolean);
  const set = useCallback((path: Path, value: unknown) => setDoc((now) => put(now, path, value)), []);
  // What is missing is no fault while the plan is being written, only when it is to be saved.
  const all = useMemo(() => {
    const found = [...tryOut.faults.filter((f) => saving || !['missing', 'empty', 'field_missing'].includes(f.code)), ...(refused && refused.doc === doc ? refused.faults : [])];
    return found.filter((f) => !/^\/(events|deals|partners|clients)(\/|$)/.test(f.pointer));
  }, [tryOut.faults, saving, refused, doc]);
  const editing = useMemo<Editing>(() => ({ doc, set, faults: byPlace(all), warnings: byPlace(tryOut.warnings) }), [doc, set, all, tryOut.warnings]);
  const nameMissing = doc.name.trim() === '';
  const reasonMissing = reason.trim() === '';
  const send = () => {
    setSaving(true);
    setFailed(null);
    if (nameMissing || reasonMissing) return;
    save.run({ body: { id: id ?? null, base_version: version ?? null, entity: home, document: tidy(doc) as never, reason: reason.trim(), valid_from_us: day ? dayStartUs(day, zone) : Date.now() * 1000 } }).then(
      (saved) => { say(t('office-partners:done.saved')); onSaved(saved.id); },
      (e: unknown) => { setFailed(e); setRefused({ doc, faults: faultsOf(e) }); },
    );
  };
  return (
    <Page
      title={id ? t('office-partners:plans.editOf', { name: start.name }) : t('office-partners:plans.add')}
      crumbs={[{ label: t('office-partners:plans.title'), to: '/plans' }]}
      actions={
        <>
          <Button onClick={send} loading={save.busy}>{t('office-partners:plans.save')}</Button>
          <Button variant="default" onClick={() => setSimulating(true)}>{t('office-engine:sim.title')}</Button>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
        </>
      }
    >
      <EditingProvider value={editing}>
        <Stack>
          {failed !== null && <Notice tone="bad">{errorText(failed)}{all.length > 0 && <> {t('faultsBelow', { count: all.length })}</>}</Notice>}
          <div className={classes.page}>
            <Stack>
              <Card title={t('office-partners:plans.about')}>
                <Stack>
                  {!id && (
                    <div>
                      <p className="qd-muted" style={{ marginBlock: '0 0.4rem' }}>{t('beginWith')}</p>
                      <div className={classes.templates}>
                        {(Object.keys(templates) as (keyof typeof templates)[]).map((k) => <Button key={k} size="compact-sm" variant="default" onClick={() => setDoc({ format: 1, name: doc.name, currency: doc.currency, ...templates[k] })}>{t(`template.${k}`)}</Button>)}
                      </div>
                    </div>
                  )}
                  <div className={classes.grid}>
                    <Text at={['name']} label={t('office-partners:col.name')} required />
                    <Select label={t('office-partners:plans.currency')} allowDeselect={false} data={[...new Set(['USD', 'EUR', 'GBP', doc.currency]), 'account'].filter((v, at, list) => list.indexOf(v) === at).map((value) => ({ value, label: value === 'account' ? t('office-partners:plans.accountCurrency') : value }))} value={doc.currency} onChange={(v) => set(['currency'], v ?? 'USD')} />
                    <Select label={t('office-partners:col.entity')} placeholder={t('office-partners:plans.anyEntity')} clearable={everywhere} disabled={!!id} data={entities} value={home} onChange={setHome} />
                    <Suspense><DateField label={t('office-partners:plans.validFrom')} description={t('office-partners:fromNow')} clearable value={day} onChange={(v) => setDay(v)} /></Suspense>
                  </div>
                  <Textarea label={t('office-partners:plans.reason')} required autosize minRows={2} dir="auto" value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={saving && reasonMissing && t('office-partners:plans.reasonMissing')} />
                </Stack>
              </Card>
              <Rules />
              <Tiers />
              <Chain />
              <Limits />
              <Cpa />
              <RevenueShare />
              <Hybrid />
              <Terms />
            </Stack>
            <div className={classes.beside}>
              <Preview sample={sample} onSample={setSample} answer={tryOut.answer} failed={tryOut.failed} />
            </div>
          </div>
        </Stack>
      </EditingProvider>
      <Drawer opened={simulating} onClose={() => setSimulating(false)} size="xl" modal title={t('office-engine:sim.title')}>
        {simulating && <Suspense><Simulator plan={{ document: tidy(doc) }} /></Suspense>}
      </Drawer>
    </Page>
  );
}

type Answer = Schema<'CommissionPreview'>;

/** Asks what the plan pays for the sample a moment after the last key. */
function useTryOut(doc: PlanDoc, sample: Sample, name: string) {
  const { run } = useWrite('post', '/api/v1/plans/preview', { touches: [] });
  const [state, setState] = useState<{ answer: Answer | null; failed: unknown; faults: Fault[]; warnings: Fault[] }>({ answer: null, failed: null, faults: [], warnings: [] });
  const { plan, place } = tried(doc);
  const body = { plan, events: events(sample, doc, (level) => name.replace('{n}', String(level))) };
  const key = JSON.stringify(body);
  const go = ready(sample) && says(doc);
  useEffect(() => {
    if (!go) return;
    let gone = false;
    const timer = setTimeout(() => {
      run({ body: body as never }).then(
        (a) => {
          if (gone) return;
          const more = a as unknown as { problems?: Fault[]; warnings?: Fault[] };
          setState({ answer: a, failed: null, faults: faultsOf({ fields: more.problems ?? [] }, place), warnings: faultsOf({ fields: more.warnings ?? [] }, place) });
        },
        (e: unknown) => { if (!gone) setState((was) => ({ ...was, answer: faultsOf(e).length > 0 ? null : was.answer, failed: e, faults: faultsOf(e, place) })); },
      );
    }, 350);
    return () => { gone = true; clearTimeout(timer); };
    // The key says all that is sent.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, go]);
  return state;
}
