import { Button } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, Dialog, Drawer, errorText, Money, MoneyInput, Notice, say, StatusChip, statusText, usePeek, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';
import { PayoutFile } from './PayoutFile';

type Payout = Row<'/api/v1/partners/{id}/payouts'>;
const idOf = (p: Payout) => p.id;

/** What was paid to the partner, and what waits for a second person. */
export function Payouts({ partner }: { partner: Schema<'Partner'> }) {
  const { t } = useTranslation('office-partners');
  const id = partner.id;
  const may = useCan('payouts.prepare');
  const list = useCursorPages('/api/v1/partners/{id}/payouts', { path: { id }, query: { limit: 50 } });
  const ids = useMemo(() => list.rows.map(idOf), [list.rows]);
  const peek = usePeek(ids);
  const [preparing, setPreparing] = useState(false);
  const columns = useMemo<readonly Column<Payout>[]>(
    () => [
      { id: 'at', header: t('payout.preparedAt'), width: 225, fixed: true, cell: (p) => <When us={p.prepared_at_us} as="full" /> },
      { id: 'amount', header: t('col.amount'), width: 150, align: 'number', cell: (p) => <Money value={{ minor: p.minor, currency: p.currency }} /> },
      { id: 'state', header: t('col.state'), width: 170, card: 'side', cell: (p) => <StatusChip kind="payout" value={p.state} /> },
      { id: 'method', header: t('col.method'), width: 150, cell: (p) => statusText('payout_method', p.method) },
      { id: 'paid', header: t('payout.paidAt'), width: 160, cell: (p) => <When us={p.paid_at_us} /> },
    ],
    [t],
  );
  return (
    <Card title={t('tab.payouts')} flush actions={may ? <Button size="compact-sm" onClick={() => setPreparing(true)}>{t('payout.prepare')}</Button> : undefined}>
      <DataTable id="partner-payouts" inline label={t('tab.payouts')} columns={columns} rows={list.rows} rowId={idOf} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} onOpen={(p) => peek.open(p.id)} opened={peek.id} empty={{ title: t('payout.none'), text: t('payout.noneText') }} />
      <Drawer opened={!!peek.id} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} title={t('payout.title')}>
        {peek.id && <PayoutFile id={peek.id} />}
      </Drawer>
      <Prepare partner={partner} opened={preparing} onClose={() => setPreparing(false)} onDone={() => void list.refetch()} />
    </Card>
  );
}

function Prepare({ partner, opened, onClose, onDone }: { partner: Schema<'Partner'>; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(['office-partners', 'common']);
  const summary = useApiQuery('/api/v1/partners/{id}/summary', opened ? { path: { id: partner.id } } : null);
  const prepare = useWrite('post', '/api/v1/partners/{id}/payouts', { durable: 'payout' });
  const mine = summary.data?.money.find((m) => m.currency === partner.currency);
  const [minor, setMinor] = useState<number | null>(null);
  const [tried, setTried] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const free = mine?.available_minor ?? 0;
  const bad = minor === null || minor <= 0 || minor > free;
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('payout.prepare')}
      locked={prepare.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          <Button
            loading={prepare.busy}
            onClick={() => {
              setTried(true);
              if (bad) return;
              prepare.run({ path: { id: partner.id }, body: { amount: { minor: minor as number, currency: partner.currency } } }).then(
                () => { setFailed(null); setTried(false); setMinor(null); say(t('done.prepared')); onClose(); onDone(); },
                (e: unknown) => setFailed(e),
              );
            }}
          >
            {t('payout.prepare')}
          </Button>
        </>
      }
    >
      <p style={{ marginBlockStart: 0 }}>{t('payout.prepareText', { method: statusText('payout_method', partner.payout_method) })}</p>
      <p>{t('money.available')}: <Money strong value={mine ? { minor: free, currency: partner.currency } : null} /></p>
      <MoneyInput label={t('col.amount')} currency={partner.currency} value={minor} onChange={setMinor} error={tried && bad && t('payout.amountWrong')} />
      {mine && free > 0 && <Button mt="xs" size="compact-sm" variant="default" onClick={() => setMinor(free)}>{t('payout.all')}</Button>}
      {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
    </Dialog>
  );
}
