import { Button, Stack } from '@mantine/core';
import { href, useCursorPages, useWrite, type Row } from '@qd/api';
import { languageName, number, useTranslation } from '@qd/i18n';
import { Card, Chip, CopyId, DataTable, Drawer, FilterBar, KeyValue, Page, ReasonDialog, say, useFilters, usePeek, When, type Column, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';
import { AddMaterial } from './AddMaterial';
import classes from './material.module.css';

export type Material = Row<'/api/v1/partner-material'>;
const kinds = ['banner', 'text', 'landing'] as const;
const states = ['active', 'withdrawn'] as const;
const idOf = (m: Material) => m.id;

function StateChip({ state }: { state: Material['state'] }) {
  const { t } = useTranslation('office-programmes');
  return <Chip tone={state === 'active' ? 'good' : 'idle'} label={t(`mat.states.${state}`)} />;
}

/** The shelf partners take from: what each piece brought, and what came after it was withdrawn. */
export function MaterialPage() {
  const { t, i18n } = useTranslation(['office-programmes', 'office']);
  const lang = i18n.language;
  const may = useCan('partners.manage');
  const [adding, setAdding] = useState(false);
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'kind', label: t('mat.kind'), pinned: true, options: kinds.map((value) => ({ value, label: t(`mat.kinds.${value}`) })) },
      { kind: 'choice', name: 'state', label: t('mat.state'), pinned: true, options: states.map((value) => ({ value, label: t(`mat.states.${value}`) })) },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/partner-material', { query: { limit: 50, kind: kinds.find((k) => k === values.kind), state: states.find((s) => s === values.state) } });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Material>[]>(
    () => [
      { id: 'name', header: t('mat.name'), width: 240, fixed: true, cell: (m) => <bdi>{m.name}</bdi> },
      { id: 'state', header: t('mat.state'), width: 130, card: 'side', cell: (m) => <StateChip state={m.state} /> },
      { id: 'kind', header: t('mat.kind'), width: 130, cell: (m) => t(`mat.kinds.${m.kind}`) },
      { id: 'language', header: t('mat.language'), width: 120, cell: (m) => languageName(lang, m.language) },
      { id: 'brand', header: t('mat.brand'), width: 120, cell: (m) => <bdi>{m.brand}</bdi> },
      { id: 'size', header: t('mat.size'), width: 110, align: 'number', cell: (m) => <Size m={m} /> },
      { id: 'clicks', header: t('mat.clicks'), width: 100, align: 'number', cell: (m) => number(lang, m.clicks ?? 0) },
      { id: 'after', header: t('mat.after'), width: 180, align: 'number', cell: (m) => number(lang, m.clicks_withdrawn ?? 0) },
      { id: 'landing', header: t('mat.landing'), width: 200, cell: (m) => <bdi dir="ltr">{m.landing}</bdi> },
      { id: 'made', header: t('mat.made'), width: 150, cell: (m) => <When us={m.created_at_us} /> },
    ],
    [t, lang],
  );
  const open = list.rows.find((m) => m.id === peek.id);
  const again = () => void list.refetch();
  return (
    <Page title={t('office:nav.material')} text={t('mat.text')} actions={may ? <Button onClick={() => setAdding(true)}>{t('mat.add')}</Button> : undefined}>
      <FilterBar filters={filters} />
      <DataTable id="material" label={t('office:nav.material')} columns={columns} rows={list.rows} rowId={idOf} loading={list.isPending} error={list.error} onRetry={again} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(m) => peek.open(m.id)} opened={peek.id} empty={{ title: t('mat.none'), text: t('mat.noneText') }} filtered={active} onResetFilters={reset} rowTone={(m) => (m.state === 'active' ? undefined : 'muted')} />
      <Drawer opened={!!open} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} size="lg" title={open ? <bdi>{open.name}</bdi> : ''} aside={open ? <StateChip state={open.state} /> : undefined}>
        {open && <MaterialFile key={open.id} m={open} may={may} onDone={again} />}
      </Drawer>
      <AddMaterial opened={adding} onClose={() => setAdding(false)} onDone={() => { setAdding(false); say(t('mat.added')); again(); }} />
    </Page>
  );
}

function Size({ m }: { m: Material }) {
  const { i18n } = useTranslation();
  return m.width && m.height ? <bdi dir="ltr">{number(i18n.language, m.width)} × {number(i18n.language, m.height)}</bdi> : <>–</>;
}

function MaterialFile({ m, may, onDone }: { m: Material; may: boolean; onDone: () => void }) {
  const { t, i18n } = useTranslation('office-programmes');
  const lang = i18n.language;
  const withdraw = useWrite('post', '/api/v1/partner-material/{id}/withdraw');
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  return (
    <Stack>
      {m.kind === 'banner' && <img className={classes.picture} src={href('/api/v1/partner-material/{id}/picture', { path: { id: m.id } })} alt={m.name} width={m.width ?? undefined} height={m.height ?? undefined} />}
      {m.body && <Card title={t('mat.words')}><p className={classes.words} dir="auto" lang={m.language}>{m.body}</p></Card>}
      <KeyValue
        items={[
          { label: t('mat.kind'), value: t(`mat.kinds.${m.kind}`) },
          { label: t('mat.language'), value: languageName(lang, m.language) },
          { label: t('mat.brand'), value: <bdi>{m.brand}</bdi> },
          { label: t('mat.landing'), value: <bdi dir="ltr">{m.landing}</bdi> },
          { label: t('mat.size'), value: m.width ? <Size m={m} /> : null, optional: true },
          { label: t('mat.clicks'), value: number(lang, m.clicks ?? 0) },
          { label: t('mat.after'), value: m.state === 'withdrawn' ? number(lang, m.clicks_withdrawn ?? 0) : null, optional: true },
          { label: t('mat.made'), value: <When us={m.created_at_us} as="full" /> },
          { label: t('mat.withdrawnAt'), value: m.withdrawn_at_us ? <When us={m.withdrawn_at_us} as="full" /> : null, optional: true },
          { label: t('mat.why'), value: m.withdrawn_reason ? <span dir="auto">{m.withdrawn_reason}</span> : null, optional: true },
          { label: t('mat.id'), value: <CopyId id={m.id} /> },
        ]}
      />
      {may && m.state === 'active' && <div><Button color="red" variant="light" onClick={() => { setFailed(null); setAsking(true); }}>{t('mat.withdraw')}</Button></div>}
      <ReasonDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('mat.withdrawTitle', { name: m.name })}
        text={t('mat.withdrawText')}
        confirm={t('mat.withdraw')}
        danger
        busy={withdraw.busy}
        error={failed}
        onConfirm={({ note }) =>
          void withdraw.run({ path: { id: m.id }, body: { reason: note } }).then(
            () => { setAsking(false); say(t('mat.withdrawn')); onDone(); },
            (e: unknown) => setFailed(e),
          )
        }
      />
    </Stack>
  );
}
