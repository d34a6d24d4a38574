import { Select } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { dayStartUs, Notice, ReasonDialog, say, useZone } from '@qd/ui';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { PartnerFile } from './Overview';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

/** Gives the partner a plan of their own, from a day on. */
export function PlanDialog({ opened, file, onClose, onDone }: { opened: boolean; file: PartnerFile; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation('office-partners');
  const { zone } = useZone();
  const plans = useApiQuery('/api/v1/plans', opened ? { query: { limit: 200 } } : null);
  const give = useWrite('post', '/api/v1/partners/{id}/plan');
  const [plan, setPlan] = useState<string | null>(null);
  const [day, setDay] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    if (!opened) return;
    setPlan(file.plans.find((h) => h.to_at_us === null)?.plan_id ?? null);
    setDay(null);
    setFailed(null);
    setMissing(false);
  }, [opened, file]);
  const fitting = (plans.data?.items ?? []).filter((p) => p.entity === null || p.entity === file.partner.entity);
  return (
    <ReasonDialog
      opened={opened}
      onClose={onClose}
      title={t('plan.assign')}
      confirm={t('plan.assign')}
      busy={give.busy}
      error={failed}
      onConfirm={({ note }) => {
        if (!plan) {
          setMissing(true);
          return;
        }
        give.run({ path: { id: file.partner.id }, body: { plan, reason: note, at_us: day ? dayStartUs(day, zone) : null } }).then(
          () => { say(t('done.saved')); onClose(); onDone(); },
          (e: unknown) => setFailed(e),
        );
      }}
    >
      <Select
        label={t('plan.one')}
        required
        searchable
        data={fitting.map((p) => ({ value: p.id, label: t('plan.choice', { name: p.name, version: p.version }) }))}
        value={plan}
        onChange={(v) => { setPlan(v); setMissing(false); }}
        error={missing && t('plan.missing')}
      />
      <Suspense>
        <DateField label={t('from')} description={t('fromNow')} clearable value={day} onChange={(v) => setDay(v)} />
      </Suspense>
      <Notice tone="info">{t('plan.earlier')}</Notice>
    </ReasonDialog>
  );
}
