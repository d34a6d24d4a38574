import { Button, Select, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, dayEndUs, Dialog, Drawer, errorText, Money, Notice, say, usePeek, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { lazy, Suspense, useMemo, useState } from 'react';
import { StatementFile } from './StatementFile';

const DateField = lazy(() => import('@qd/ui/form/DateField'));
type Statement = Row<'/api/v1/partners/{id}/statements'>;
const idOf = (s: Statement) => s.id;

/** Closed periods, frozen with their hash. */
export function Statements({ id }: { id: string }) {
  const { t } = useTranslation('office-partners');
  const may = useCan('statements.close');
  const list = useCursorPages('/api/v1/partners/{id}/statements', { path: { id }, query: { limit: 50 } });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const [closing, setClosing] = useState(false);
  const columns = useMemo<readonly Column<Statement>[]>(
    () => [
      { id: 'number', header: t('col.number'), width: 110, fixed: true, cell: (s) => t('statement.number', { number: s.number, currency: s.currency }) },
      { id: 'period', header: t('col.period'), width: 240, cell: (s) => <><When us={s.period_from_us} as="date" /> – <When us={s.period_to_us} as="date" /></> },
      { id: 'opening', header: t('col.opening'), width: 130, align: 'number', cell: (s) => <Money value={{ minor: s.opening_minor, currency: s.currency }} /> },
      { id: 'lines', header: t('money.earned'), width: 130, align: 'number', cell: (s) => <Money value={{ minor: s.lines_minor, currency: s.currency }} /> },
      { id: 'adjust', header: t('col.adjust'), width: 130, align: 'number', cell: (s) => <Money value={{ minor: s.adjustments_minor, currency: s.currency }} tone /> },
      { id: 'payouts', header: t('tab.payouts'), width: 130, align: 'number', cell: (s) => <Money value={{ minor: s.payouts_minor, currency: s.currency }} tone /> },
      { id: 'closing', header: t('col.closing'), width: 130, align: 'number', card: 'side', cell: (s) => <Money strong value={{ minor: s.closing_minor, currency: s.currency }} /> },
      { id: 'at', header: t('col.closedAt'), width: 160, cell: (s) => <When us={s.closed_at_us} /> },
    ],
    [t],
  );
  const open = list.rows.find((s) => s.id === peek.id);
  return (
    <Card title={t('tab.statements')} flush actions={may ? <Button size="compact-sm" onClick={() => setClosing(true)}>{t('statement.close')}</Button> : undefined}>
      <DataTable id="partner-statements" inline label={t('tab.statements')} columns={columns} rows={list.rows} rowId={idOf} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(s) => peek.open(s.id)} opened={peek.id} empty={{ title: t('statement.none'), text: t('statement.noneText') }} />
      <Drawer opened={!!peek.id} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} size="lg" title={open ? t('statement.number', { number: open.number, currency: open.currency }) : t('statement.title')}>
        {peek.id && <StatementFile id={peek.id} />}
      </Drawer>
      <CloseDialog id={id} opened={closing} onClose={() => setClosing(false)} onDone={() => void list.refetch()} />
    </Card>
  );
}

function CloseDialog({ id, opened, onClose, onDone }: { id: string; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['office-partners', 'common']);
  const summary = useApiQuery('/api/v1/partners/{id}/summary', opened ? { path: { id } } : null);
  const close = useWrite('post', '/api/v1/partners/{id}/statements');
  const [currency, setCurrency] = useState<string | null>(null);
  const [day, setDay] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const currencies = summary.data?.money.map((m) => m.currency) ?? [];
  const chosen = currency ?? currencies[0] ?? null;
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('statement.close')}
      locked={close.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button
            loading={close.busy}
            onClick={() => {
              if (!chosen) return;
              // Statements are closed by whole UTC days, today's last minute being what is over: without a day, up to now.
              const to = day ? dayEndUs(day, 'UTC') : Date.now() * 1000;
              close.run({ path: { id }, body: { currency: chosen, to_us: Math.min(to, Date.now() * 1000) } }).then(
                () => { setFailed(null); say(t('done.closed')); onClose(); onDone(); },
                (e: unknown) => setFailed(e),
              );
            }}
          >
            {t('statement.close')}
          </Button>
        </>
      }
    >
      <Stack>
        <p style={{ margin: 0 }}>{t('statement.closeText')}</p>
        {summary.data && currencies.length === 0 && <Notice tone="info">{t('money.none')}</Notice>}
        <Select label={t('col.currency')} data={currencies} value={chosen} onChange={setCurrency} allowDeselect={false} />
        <Suspense>
          <DateField label={t('statement.until')} description={t('statement.untilNote')} clearable value={day} onChange={(v) => setDay(v)} maxDate={new Date().toISOString().slice(0, 10)} />
        </Suspense>
        {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      </Stack>
    </Dialog>
  );
}
