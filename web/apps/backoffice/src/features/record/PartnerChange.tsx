import { Select } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { dayStartUs, KeyValue, Notice, ReasonDialog, say, useZone } from '@qd/ui';
import { lazy, Suspense, useState } from 'react';
import { MoneyMoved, useMoneyMoved } from '../corrections/MoneyMoved';
import type { ClientRecord } from './Overview';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

/** Another partner for this client, from a day on; lines that are booked stay where they are. */
export function PartnerChange({ record: r, onClose, onDone }: { record: ClientRecord; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['office-record', 'office-engine']);
  const { zone } = useZone();
  const all = useApiQuery('/api/v1/partners', { query: { limit: 200 } });
  const move = useWrite('post', '/api/v1/clients/{id}/partner');
  const now = r.partner.partner ?? null;
  const [partner, setPartner] = useState<string | null>(now);
  const [day, setDay] = useState<string | null>(null);
  const make = useWrite('post', '/api/v1/corrections');
  const at = day ? dayStartUs(day, zone) : null;
  const request = at !== null && at < Date.now() * 1000 && partner !== now ? { cause: 'client_moved' as const, client_id: r.client.id, partner, at_us: at } : null;
  const moved = useMoneyMoved(request);
  const second = moved.preview?.retier.closed_changed === true;
  const choices = (all.data?.items ?? []).filter((p) => p.id === now || (p.entity === r.client.entity && p.state !== 'terminated'));
  const nameOf = (id: string | null) => (id ? (choices.find((p) => p.id === id)?.name ?? r.partner.partner_name ?? '…') : t('partner.none'));
  return (
    <ReasonDialog
      opened
      onClose={onClose}
      title={t('partner.changeTitle')}
      text={t('partner.changeText')}
      confirm={second ? t('office-engine:cor.askDo') : t('partner.change')}
      busy={move.busy || make.busy || moved.busy}
      error={move.error ?? make.error}
      onConfirm={({ note }) => {
        // Money of closed periods moves only with a second person's word.
        const act = second && request ? make.run({ body: { request, reason: note } }) : move.run({ path: { id: r.client.id }, body: { partner, reason: note, at_us: at } });
        (act as Promise<unknown>).then(
          () => {
            say(second ? t('office-engine:cor.preparedNow') : t('partner.changed'));
            onDone();
          },
          () => {
            // Shown by the dialog.
          },
        );
      }}
    >
      <Select label={t('partner.who')} placeholder={t('partner.none')} clearable searchable data={choices.map((p) => ({ value: p.id, label: p.name }))} value={partner} onChange={setPartner} />
      <Suspense fallback={null}>
        <DateField label={t('partner.from')} description={t('partner.fromNow')} clearable value={day} onChange={(v) => setDay(v)} />
      </Suspense>
      <KeyValue items={[{ label: t('partner.before'), value: <bdi>{nameOf(now)}</bdi> }, { label: t('partner.after'), value: <strong><bdi>{nameOf(partner)}</bdi></strong> }]} />
      {request && <MoneyMoved moved={moved} />}
      {partner === now && <Notice tone="info">{t('partner.same')}</Notice>}
    </ReasonDialog>
  );
}
