import { Button, Skeleton, Stack, TextInput } from '@mantine/core';
import { href, useApiQuery, useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ApproveDialog, Card, Cards, Chip, CopyId, DataTable, Dialog, Disabled, ErrorState, errorText, KeyValue, Money, Notice, Page, ReasonDialog, say, StatusChip, statusText, When, type Column } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { IconDownload } from '@tabler/icons-react';
import { Link, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { PartnerName } from '../partners/Chain';
import { Named, useNames } from '../../lib/names';

type View = Schema<'PayoutBatchView'>;
type Payout = View['payouts'][number];

/** One batch: released by a second person, sent as a file, marked paid; single payouts may come back. */
export function BatchPage() {
  const { t } = useTranslation(['office-engine', 'office-partners', 'common']);
  const { id } = useParams({ strict: false }) as { id: string };
  const { me } = useSession();
  const may = useCan('payouts.release');
  const one = useApiQuery('/api/v1/payout-batches/{id}', { path: { id } });
  const decide = useWrite('post', '/api/v1/payout-batches/{id}/decide');
  const paid = useWrite('post', '/api/v1/payout-batches/{id}/mark-paid');
  const results = useWrite('post', '/api/v1/payout-batches/{id}/results');
  const [dialog, setDialog] = useState<'decide' | 'paid' | Payout | null>(null);
  const [reference, setReference] = useState('');
  const [failed, setFailed] = useState<unknown>(null);
  const v = one.data;
  const name = useNames([v?.batch.prepared_by, v?.batch.decided_by]);
  const columns = useMemo<readonly Column<Payout>[]>(
    () => [
      { id: 'partner', header: t('office-partners:partner'), width: 230, fixed: true, cell: (p) => <PartnerName id={p.partner_id} /> },
      { id: 'amount', header: t('batch.taken'), width: 140, align: 'number', cell: (p) => <Money value={{ minor: p.minor, currency: p.currency }} /> },
      { id: 'net', header: t('batch.leaves'), width: 140, align: 'number', cell: (p) => <Money value={{ minor: p.net_minor ?? p.minor, currency: p.currency }} /> },
      { id: 'state', header: t('close.state'), width: 160, card: 'side', cell: (p) => <StatusChip kind="payout" value={p.state} /> },
      { id: 'reference', header: t('office-partners:payout.reference'), width: 180, cell: (p) => (p.reference ? <CopyId id={p.reference} full /> : '–') },
      { id: 'act', header: t('batch.act'), width: 150, cell: (p) => (may && (p.state === 'paid' || p.state === 'released') ? <Button size="compact-sm" variant="default" onClick={(e) => { e.stopPropagation(); setFailed(null); setDialog(p); }}>{t('batch.bounced')}</Button> : null) },
    ],
    [t, may],
  );
  const crumbs = [{ label: t('batch.title'), to: '/payout-batches' }];
  if (one.error && !v) return <Page title={t('batch.one')} crumbs={crumbs}><ErrorState error={one.error} onRetry={() => void one.refetch()} /></Page>;
  if (!v) return <Page title={t('batch.one')} crumbs={crumbs}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const b = v.batch;
  const money = (minor: number) => <Money value={{ minor, currency: b.currency }} />;
  const end = (act: Promise<unknown>, done: string) => void act.then(() => { setFailed(null); setDialog(null); say(done); void one.refetch(); }, (e: unknown) => setFailed(e));
  const facts = (
    <KeyValue
      items={[
        { label: t('close.entity'), value: <bdi>{b.entity}</bdi> },
        { label: t('office-partners:col.method'), value: statusText('payout_method', b.method) },
        { label: t('batch.count'), value: b.items },
        { label: t('batch.taken'), value: money(b.minor) },
        { label: t('batch.leaves'), value: <Money strong value={{ minor: b.net_minor, currency: b.currency }} /> },
        { label: t('office-partners:payout.preparedBy'), value: <><Named id={b.prepared_by} name={name(b.prepared_by)} /> · <When us={b.prepared_at_us} as="full" /></> },
        { label: t('office-partners:payout.decidedBy'), value: b.decided_by ? <><Named id={b.decided_by} name={name(b.decided_by)} /> · <When us={b.decided_at_us ?? null} as="full" /></> : null, optional: true },
        { label: t('id'), value: <CopyId id={b.id} /> },
      ]}
    />
  );
  return (
    <Page
      title={t('batch.of', { count: b.items, currency: b.currency })}
      crumbs={crumbs}
      aside={<StatusChip kind="batch" value={b.state} />}
      actions={
        <>
          {b.state === 'prepared' && <Disabled why={!may ? t('office-partners:payout.notYours') : b.prepared_by === me.id ? t('office-partners:payout.ownPrepared') : null}><Button onClick={() => { setFailed(null); setDialog('decide'); }}>{t('office-partners:payout.decide')}</Button></Disabled>}
          {b.state === 'released' && b.method === 'bank' && <Button component="a" variant="default" leftSection={<IconDownload size={16} aria-hidden />} href={href('/api/v1/payout-batches/{id}/file', { path: { id } })} download="pain.001.xml">{t('batch.file')}</Button>}
          {b.state === 'released' && may && <Button onClick={() => { setFailed(null); setDialog('paid'); }}>{t('batch.markPaid')}</Button>}
        </>
      }
    >
      <Stack>
        <Cards min="24rem">
          <Card title={t('batch.facts')}>{facts}</Card>
          <Card title={t('batch.reconciled')}>
            <KeyValue
              items={[
                ...Object.entries(v.totals).map(([state, sum]) => ({ label: <StatusChip kind="payout" value={state} />, value: <>{sum.count} · {money(sum.minor)}</> })),
                { label: t('batch.ledger'), value: money(v.ledger_minor) },
                { label: t('batch.agrees'), value: <Chip tone={v.reconciled ? 'good' : 'bad'} label={v.reconciled ? t('batch.yes') : t('batch.no')} /> },
                { label: t('close.one'), value: b.close_id ? <Link to={`/month-closes/${b.close_id}` as never}>{t('close.look')}</Link> : null, optional: true },
              ]}
            />
          </Card>
        </Cards>
        <Card title={t('batch.payouts')} flush>
          <DataTable id="batch-payouts" inline label={t('batch.payouts')} columns={columns} rows={v.payouts} rowId={(p) => p.id} empty={{ title: t('batch.nobody') }} />
        </Card>
      </Stack>
      <ApproveDialog opened={dialog === 'decide'} onClose={() => setDialog(null)} title={t('office-partners:payout.decide')} facts={facts} votes={[]} needed={1} me={me.id} requestedBy={b.prepared_by} typed={{ minor: b.net_minor, currency: b.currency }} busy={decide.busy ? 'approve' : false} error={failed} onApprove={({ note }) => end(decide.run({ path: { id }, body: { approve: true, reason: note } }), t('office-partners:done.released'))} onRefuse={({ note }) => end(decide.run({ path: { id }, body: { approve: false, reason: note } }), t('office-partners:done.refused'))} />
      <Dialog opened={dialog === 'paid'} onClose={() => setDialog(null)} title={t('batch.markPaid')} locked={paid.busy} footer={<><Button variant="default" onClick={() => setDialog(null)}>{t('common:cancel')}</Button><Button loading={paid.busy} disabled={!reference.trim()} onClick={() => end(paid.run({ path: { id }, body: { reference: reference.trim() } }), t('office-partners:done.paid'))}>{t('batch.markPaid')}</Button></>}>
        <Stack>
          <p style={{ margin: 0 }}>{t('batch.markPaidText')}</p>
          <TextInput label={t('office-partners:payout.reference')} dir="ltr" required value={reference} onChange={(e) => setReference(e.currentTarget.value)} />
          {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        </Stack>
      </Dialog>
      <ReasonDialog opened={dialog !== null && typeof dialog === 'object'} onClose={() => setDialog(null)} title={t('batch.bounced')} text={t('batch.bouncedText')} confirm={t('batch.bounced')} busy={results.busy} error={failed} onConfirm={({ note }) => { if (dialog && typeof dialog === 'object') end(results.run({ path: { id }, body: { results: [{ payout_id: dialog.id, outcome: 'returned', reason: note }] } }), t('office-partners:done.returned')); }} />
    </Page>
  );
}
