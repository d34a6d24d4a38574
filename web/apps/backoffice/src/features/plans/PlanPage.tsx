import { Button, Select, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { i18next, useTranslation } from '@qd/i18n';
import { Card, CopyId, dayStartUs, ErrorState, Page, ReasonDialog, say, useSearchState, useZone, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useNavigate, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { History } from '../settings/History';
import { emptyPlan, type PlanDoc } from './editor/document';
import { fieldName } from './editor/editing';
import { PlanEditor } from './editor/PlanEditor';
import { Reading } from './Reading';

const Simulator = lazy(() => import('../simulator/Simulator').then((m) => ({ default: m.Simulator })));
const DateField = lazy(() => import('@qd/ui/form/DateField'));

/** One plan: what it pays, since when, and how it came to be so. */
export function PlanPage() {
  const { t } = useTranslation(['office-partners', 'office-engine']);
  const { id } = useParams({ strict: false }) as { id: string };
  const [search, set] = useSearchState();
  const may = useCan('plans.manage');
  const one = useApiQuery('/api/v1/plans/{id}', { path: { id } });
  const [house, setHouse] = useState(false);
  const f = one.data;
  const crumbs = [{ label: t('plans.title'), to: '/plans' }];
  if (one.error && !f) return <Page title={t('plan.one')} crumbs={crumbs}><ErrorState error={one.error} onRetry={() => void one.refetch()} /></Page>;
  if (!f) return <Page title={t('plan.one')} crumbs={crumbs}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const versions = [...f.versions].sort((a, b) => b.version - a.version);
  const last = versions[0];
  const doc = (last?.document ?? emptyPlan) as PlanDoc;
  if (search.edit === '1' && may)
    return <PlanEditor id={id} version={f.plan.version} entity={f.plan.entity} start={doc} onClose={() => set({ edit: null })} onSaved={() => { set({ edit: null }); void one.refetch(); }} />;
  if (search.simulate === '1' && may)
    return (
      <Page title={t('office-engine:sim.of', { name: f.plan.name })} crumbs={[...crumbs, { label: f.plan.name, to: `/plans/${id}` }]} actions={<Button variant="default" onClick={() => set({ simulate: null })}>{t('office-engine:sim.back')}</Button>}>
        <Suspense><Simulator plan={{ plan_id: id }} /></Suspense>
      </Page>
    );
  return (
    <Page
      title={f.plan.name}
      crumbs={crumbs}
      aside={<CopyId id={f.plan.id} />}
      text={[f.plan.entity ?? t('plans.anyEntity'), t('why.version', { version: f.plan.version }), t('plans.usedBy', { count: f.plan.uses })].join(' · ')}
      actions={
        may ? (
          <>
            <Button onClick={() => set({ edit: '1' })}>{t('plans.edit')}</Button>
            <Button variant="default" onClick={() => set({ simulate: '1' })}>{t('office-engine:sim.title')}</Button>
            <Button variant="default" onClick={() => setHouse(true)}>{t('plans.makeDefault')}</Button>
          </>
        ) : null
      }
    >
      <Stack>
        {last && <p className="qd-muted" style={{ margin: 0 }}>{t('plans.validFrom')} <When us={last.valid_from_us} as="full" /></p>}
        <Reading doc={doc} />
        <Card title={t('plans.versions')}>
          <History versions={versions.map((v) => ({ version: v.version, changed_at_us: v.made_at_us, changed_by: v.made_by, reason: v.reason, doc: comparable(v.document as unknown as PlanDoc, v.valid_from_us) }))} label={versionField} />
        </Card>
      </Stack>
      <DefaultDialog opened={house} plan={id} entity={f.plan.entity} onClose={() => setHouse(false)} onDone={() => void one.refetch()} />
    </Page>
  );
}

function DefaultDialog({ opened, plan, entity, onClose, onDone }: { opened: boolean; plan: string; entity: string | null; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation('office-partners');
  const { zone } = useZone();
  const { me, boot } = useSession();
  const use = useWrite('post', '/api/v1/entities/{code}/plan');
  const entities = entity ? [entity] : [...new Set([...me.entities.filter((e) => e !== '*'), boot?.entity.code ?? ''])].filter(Boolean);
  const [code, setCode] = useState<string | null>(null);
  const [day, setDay] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const chosen = code ?? entities[0] ?? null;
  return (
    <ReasonDialog
      opened={opened}
      onClose={onClose}
      title={t('plans.makeDefault')}
      text={t('plans.defaultText')}
      confirm={t('plans.makeDefault')}
      busy={use.busy}
      error={failed}
      onConfirm={({ note }) => {
        if (!chosen) return;
        use.run({ path: { code: chosen }, body: { plan, reason: note, at_us: day ? dayStartUs(day, zone) : null } }).then(
          () => { setFailed(null); say(t('done.saved')); onClose(); onDone(); },
          (e: unknown) => setFailed(e),
        );
      }}
    >
      <Select label={t('col.entity')} data={entities} value={chosen} onChange={setCode} allowDeselect={false} />
      <Suspense><DateField label={t('from')} description={t('fromNow')} clearable value={day} onChange={(v) => setDay(v)} /></Suspense>
    </ReasonDialog>
  );
}

export function NewPlanPage() {
  const go = useNavigate();
  return <PlanEditor start={emptyPlan} onClose={() => void go({ to: '/plans' as never })} onSaved={(id) => void go({ to: `/plans/${id}` as never })} />;
}

/** A version as its history compares it: rules by their name, so that a changed rate is one line. */
function comparable(doc: PlanDoc, validFromUs: number): Record<string, unknown> {
  const { format: _, rules, ...rest } = doc;
  return { ...rest, tiers: Object.fromEntries((rest.tiers ?? []).map(({ id, ...tier }) => [id, tier])), rules: Object.fromEntries((rules ?? []).map(({ id, kind, ...rule }) => [id, { ...rule, ...(kind === 'promotion' ? { kind } : {}) }])), valid_from: new Date(validFromUs / 1000).toISOString() };
}

/** A field of a version in the editor's words: `rules.fx.rate` is the rate of the rule fx. */
function versionField(path: string): string {
  if (path === 'valid_from') return i18next.t('office-partners:plans.validFrom');
  const steps = path.split('.');
  const listed = steps[0] === 'rules' || steps[0] === 'tiers';
  const name = fieldName(listed ? [steps[0] as string, ...steps.slice(2)] : steps);
  return listed && steps.length > 2 ? `${steps[1]}: ${name}` : name;
}
