import { Button, Select, Skeleton, Stack } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, ErrorState, Page, useSearchState } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { EntityEditor } from './EntityEditor';

/** A licence begins as a copy of one that is there: its rule book is too long to be written from nothing. */
export function NewEntity() {
  const { t } = useTranslation(['office-house', 'office-settings']);
  const go = useNavigate();
  const [search, set] = useSearchState();
  const all = useApiQuery('/api/v1/entities', {});
  const [from, setFrom] = useState<string | null>(null);
  const crumbs = [{ label: t('settings.title'), to: '/settings' }];
  const title = t('office-settings:addEntity');
  if (all.error && !all.data) return <Page title={title} crumbs={crumbs}><ErrorState error={all.error} onRetry={() => void all.refetch()} /></Page>;
  if (!all.data) return <Page title={title} crumbs={crumbs}><Skeleton height={200} /></Page>;
  const source = all.data.items.find((e) => e.code === search.from);
  if (source) return <EntityEditor key={source.code} entity={{ ...source, code: '', name: '', regulator: '', version: 0 }} onClose={() => void go({ to: '/settings' as never })} onSaved={(code) => void go({ to: `/settings/entities/${code}` as never })} />;
  return (
    <Page title={title} crumbs={crumbs}>
      <Card title={t('office-settings:copyOf')}>
        <Stack align="flex-start">
          <Select label={t('rules.field.entity')} description={t('office-settings:copyNote')} w="100%" maw={420} data={all.data.items.map((e) => ({ value: e.code, label: `${e.name} (${e.base_currency})` }))} value={from} onChange={setFrom} />
          <Button disabled={!from} onClick={() => set({ from })}>{t('office-settings:goOn')}</Button>
        </Stack>
      </Card>
    </Page>
  );
}
