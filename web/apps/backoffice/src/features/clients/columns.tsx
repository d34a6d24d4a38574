import { country, languageName, useTranslation } from '@qd/i18n';
import { Chip, StatusChip, Value, When, type Column } from '@qd/ui';
import { useMemo } from 'react';
import type { ClientRow } from './queries';

export function useClientColumns(): readonly Column<ClientRow>[] {
  const { t, i18n } = useTranslation('office-clients');
  const lang = i18n.language;
  return useMemo<readonly Column<ClientRow>[]>(
    () => [
      { id: 'name', header: t('col.name'), width: 220, fixed: true, sort: { asc: 'name' }, cell: (c) => <bdi>{c.name}</bdi> },
      { id: 'stage', header: t('col.stage'), width: 140, card: 'side', cell: (c) => <StatusChip kind="stage" value={c.stage} /> },
      { id: 'status', header: t('col.status'), width: 150, cell: (c) => <StatusChip kind="lead_status" value={c.status} /> },
      { id: 'kyc', header: t('col.kyc'), width: 180, cell: (c) => <StatusChip kind="kyc" value={c.kyc_state} /> },
      { id: 'country', header: t('col.country'), width: 140, cell: (c) => country(lang, c.country) },
      { id: 'language', header: t('col.language'), width: 120, hidden: true, cell: (c) => languageName(lang, c.language) },
      { id: 'email', header: t('col.email'), width: 240, cell: (c) => <Value mask="contact">{c.email}</Value> },
      { id: 'phone', header: t('col.phone'), width: 150, cell: (c) => <Value mask="contact">{c.phone}</Value> },
      { id: 'campaign', header: t('col.campaign'), width: 150, hidden: true, cell: (c) => <Value>{c.campaign}</Value> },
      { id: 'entity', header: t('col.entity'), width: 90, hidden: true, cell: (c) => c.entity },
      { id: 'vip', header: t('col.vip'), width: 80, hidden: true, cell: (c) => (c.vip ? <Chip tone="info" label="VIP" /> : null) },
      { id: 'created', header: t('col.created'), width: 150, sort: { asc: 'oldest', desc: 'newest' }, cell: (c) => <When us={c.created_at_us} /> },
      { id: 'activity', header: t('col.activity'), width: 150, sort: { desc: 'activity' }, cell: (c) => <When us={c.activity_at_us} /> },
    ],
    [t, lang],
  );
}
