import { Button, Select, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { DataTable, Dialog, errorText, Notice, Page, StatusChip, useSearchState, When, type Column } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { lastMonths } from './months';
import { monthText, useEntities } from './words';

type Close = Row<'/api/v1/commission-closes'>;

/** The months of each entity: checked, closed, signed. */
export function ClosesPage() {
  const { t, i18n } = useTranslation('office-engine');
  const go = useNavigate();
  const [search, set] = useSearchState();
  const list = useCursorPages('/api/v1/commission-closes', { query: { limit: 50 } });
  const columns = useMemo<readonly Column<Close>[]>(
    () => [
      { id: 'month', header: t('close.month'), width: 180, fixed: true, cell: (c) => monthText(i18n.language, c.month) },
      { id: 'entity', header: t('close.entity'), width: 140, cell: (c) => <bdi>{c.entity}</bdi> },
      { id: 'state', header: t('close.state'), width: 180, card: 'side', cell: (c) => <StatusChip kind="close" value={c.state} /> },
      { id: 'open', header: t('close.open'), width: 150, align: 'number', cell: (c) => c.checklist.filter((i) => !i.ok).length },
      { id: 'statements', header: t('close.statements'), width: 150, align: 'number', cell: (c) => c.statements },
      { id: 'at', header: t('close.madeAt'), width: 170, cell: (c) => <When us={c.made_at_us} /> },
      { id: 'signed', header: t('close.signedAt'), width: 170, cell: (c) => <When us={c.signed_at_us} /> },
    ],
    [t, i18n.language],
  );
  return (
    <Page title={t('close.title')} text={t('close.text')} fill actions={<Button onClick={() => set({ add: '1' })}>{t('close.add')}</Button>}>
      <DataTable id="month-closes" label={t('close.title')} columns={columns} rows={list.rows} rowId={(c) => c.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(c) => void go({ to: `/month-closes/${c.id}` as never })} empty={{ title: t('close.none'), text: t('close.noneText') }} />
      <Begin opened={search.add === '1'} onClose={() => set({ add: null })} />
    </Page>
  );
}

function Begin({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t, i18n } = useTranslation(['office-engine', 'common']);
  const go = useNavigate();
  const mine = useEntities();
  const all = useApiQuery('/api/v1/entities', opened ? {} : null, { retry: false });
  const make = useWrite('post', '/api/v1/commission-closes');
  const months = lastMonths(Date.now());
  const entities = all.data ? all.data.items.map((e) => ({ value: e.code, label: e.name })) : mine.map((e) => ({ value: e, label: e }));
  const [entity, setEntity] = useState<string | null>(null);
  const [month, setMonth] = useState(months[0] ?? '');
  const [failed, setFailed] = useState<unknown>(null);
  const chosen = entity ?? entities[0]?.value ?? null;
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('close.add')}
      locked={make.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button loading={make.busy} disabled={!chosen} onClick={() => chosen && make.run({ body: { entity: chosen, month } }).then((c) => { setFailed(null); void go({ to: `/month-closes/${c.id}` as never }); }, (e: unknown) => setFailed(e))}>{t('close.check')}</Button>
        </>
      }
    >
      <Stack>
        <p style={{ margin: 0 }}>{t('close.addText')}</p>
        <Select label={t('close.entity')} allowDeselect={false} data={entities} value={chosen} onChange={setEntity} />
        <Select label={t('close.month')} allowDeselect={false} data={months.map((m) => ({ value: m, label: monthText(i18n.language, m) }))} value={month} onChange={(m) => m && setMonth(m)} />
        {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      </Stack>
    </Dialog>
  );
}
