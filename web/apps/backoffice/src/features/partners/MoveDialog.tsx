import { Select } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { dayStartUs, KeyValue, Notice, ReasonDialog, say, useZone } from '@qd/ui';
import { lazy, Suspense, useEffect, useState } from 'react';
import { MoneyMoved, useMoneyMoved } from '../corrections/MoneyMoved';
import { Chain } from './Chain';
import type { PartnerFile } from './Overview';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

/** Another place in the tree, from a day on; shows both chains before anything is done. */
export function MoveDialog({ opened, file, onClose, onDone }: { opened: boolean; file: PartnerFile; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['office-partners', 'office-engine']);
  const { zone } = useZone();
  const id = file.partner.id;
  const all = useApiQuery('/api/v1/partners', opened ? { query: { limit: 200 } } : null);
  const below = useApiQuery('/api/v1/partners/{id}/tree', opened ? { path: { id } } : null);
  const move = useWrite('post', '/api/v1/partners/{id}/move');
  const [parent, setParent] = useState<string | null>(null);
  const [day, setDay] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const make = useWrite('post', '/api/v1/corrections');
  const at = day ? dayStartUs(day, zone) : null;
  const request = opened && at !== null && at < Date.now() * 1000 ? { cause: 'partner_moved' as const, partner_id: id, parent, at_us: at } : null;
  const moved = useMoneyMoved(request);
  const second = moved.preview?.retier.closed_changed === true;
  useEffect(() => {
    if (!opened) return;
    setParent(file.tree.find((e) => e.to_at_us === null)?.parent ?? null);
    setDay(null);
    setFailed(null);
  }, [opened, file]);
  const members = new Set(below.data?.items.map((m) => m.id));
  const choices = (all.data?.items ?? []).filter((p) => p.id !== id && !members.has(p.id) && p.entity === file.partner.entity && p.state !== 'terminated');
  return (
    <ReasonDialog
      opened={opened}
      onClose={onClose}
      title={t('move.title')}
      text={t('move.text')}
      confirm={second ? t('office-engine:cor.askDo') : t('move.do')}
      busy={move.busy || make.busy || moved.busy}
      error={failed}
      onConfirm={({ note }) => {
        // Money of closed periods moves only with a second person's word.
        const act = second && request ? make.run({ body: { request, reason: note } }) : move.run({ path: { id }, body: { parent, reason: note, at_us: at } });
        (act as Promise<unknown>).then(
          () => { say(second ? t('office-engine:cor.preparedNow') : t('done.moved')); onClose(); onDone(); },
          (e: unknown) => setFailed(e),
        );
      }}
    >
      <Select label={t('parent')} placeholder={t('topLevel')} clearable searchable data={choices.map((p) => ({ value: p.id, label: p.name }))} value={parent} onChange={setParent} />
      <Suspense>
        <DateField label={t('from')} description={t('fromNow')} clearable value={day} onChange={(v) => setDay(v)} />
      </Suspense>
      <KeyValue
        items={[
          { label: t('move.before'), value: <Chain id={id} last /> },
          { label: t('move.after'), value: <>{parent ? <><Chain id={parent} /> › </> : null}<strong><bdi>{file.partner.name}</bdi></strong></> },
          { label: t('move.with'), value: below.data ? t('move.partners', { count: Math.max(0, below.data.items.length - 1) }) : '…' },
        ]}
      />
      {request ? <MoneyMoved moved={moved} /> : <Notice tone="info">{t('move.earlier')}</Notice>}
    </ReasonDialog>
  );
}
