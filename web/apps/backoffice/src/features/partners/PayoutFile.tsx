import { Button, Group, Skeleton, Stack, TextInput } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ApproveDialog, CopyId, Dialog, Disabled, ErrorState, errorText, KeyValue, Money, Notice, Page, ReasonDialog, say, StatusChip, statusText, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Named, useNames } from '../../lib/names';
import { PartnerName } from './Chain';

/** One payout and its next step: released by somebody else than who prepared it, then paid, perhaps returned. */
export function PayoutFile({ id }: { id: string }) {
  const { t } = useTranslation(['office-partners', 'common']);
  const { me } = useSession();
  const may = useCan('payouts.release');
  const one = useApiQuery('/api/v1/payouts/{id}', { path: { id } });
  const decide = useWrite('post', '/api/v1/payouts/{id}/decide');
  const paid = useWrite('post', '/api/v1/payouts/{id}/paid');
  const returned = useWrite('post', '/api/v1/payouts/{id}/returned');
  const [dialog, setDialog] = useState<'decide' | 'paid' | 'returned' | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const [bank, setBank] = useState({ connection: '', reference: '' });
  const p = one.data;
  const name = useNames([p?.prepared_by, p?.decided_by]);
  if (one.error && !p) return <ErrorState error={one.error} onRetry={() => void one.refetch()} />;
  if (!p) return <Stack><Skeleton height={20} width="50%" /><Skeleton height={200} /></Stack>;
  const amount = { minor: p.minor, currency: p.currency };
  const run = (act: Promise<unknown>, done: string) =>
    act.then(
      () => { setFailed(null); setDialog(null); say(done); void one.refetch(); },
      (e: unknown) => setFailed(e),
    );
  const facts = (
    <KeyValue
      items={[
        { label: t('partner'), value: <PartnerName id={p.partner_id} /> },
        { label: t('col.amount'), value: <Money strong value={amount} /> },
        { label: t('col.state'), value: <StatusChip kind="payout" value={p.state} /> },
        { label: t('col.method'), value: statusText('payout_method', p.method) },
        { label: t('payout.preparedBy'), value: <><Named id={p.prepared_by} name={name(p.prepared_by)} /> · <When us={p.prepared_at_us} as="full" /></> },
        { label: t('payout.decidedBy'), value: p.decided_by ? <><Named id={p.decided_by} name={name(p.decided_by)} /> · <When us={p.decided_at_us} as="full" /></> : null, optional: true },
        { label: t('payout.paidAt'), value: p.paid_at_us ? <When us={p.paid_at_us} as="full" /> : null, optional: true },
        { label: t('payout.returnedAt'), value: p.returned_at_us ? <When us={p.returned_at_us} as="full" /> : null, optional: true },
        { label: t('payout.reference'), value: p.reference ? <CopyId id={p.reference} full /> : null, optional: true },
        { label: t('line.entry'), value: p.entry_id ? <CopyId id={p.entry_id} /> : null, optional: true },
        { label: t('col.id'), value: <CopyId id={p.id} /> },
      ]}
    />
  );
  return (
    <Stack>
      {facts}
      <Group gap="xs">
        {p.state === 'prepared' && (
          <Disabled why={!may ? t('payout.notYours') : p.prepared_by === me.id ? t('payout.ownPrepared') : null}>
            <Button onClick={() => setDialog('decide')}>{t('payout.decide')}</Button>
          </Disabled>
        )}
        {p.state === 'released' && may && <Button onClick={() => setDialog('paid')}>{t('payout.paid')}</Button>}
        {p.state === 'paid' && may && <Button variant="default" onClick={() => setDialog('returned')}>{t('payout.returned')}</Button>}
      </Group>
      <ApproveDialog
        opened={dialog === 'decide'}
        onClose={() => setDialog(null)}
        title={t('payout.decide')}
        facts={facts}
        votes={[]}
        needed={1}
        me={me.id}
        requestedBy={p.prepared_by}
        typed={amount}
        busy={decide.busy ? 'approve' : false}
        error={failed}
        onApprove={({ note }) => void run(decide.run({ path: { id }, body: { approve: true, reason: note } }), t('done.released'))}
        onRefuse={({ note }) => void run(decide.run({ path: { id }, body: { approve: false, reason: note } }), t('done.refused'))}
      />
      <Dialog
        opened={dialog === 'paid'}
        onClose={() => setDialog(null)}
        title={t('payout.paid')}
        locked={paid.busy}
        footer={
          <>
            <Button variant="default" onClick={() => setDialog(null)}>{t('common:cancel')}</Button>
            <Button loading={paid.busy} disabled={!bank.connection.trim() || !bank.reference.trim()} onClick={() => void run(paid.run({ path: { id }, body: { connection: bank.connection.trim(), reference: bank.reference.trim() } }), t('done.paid'))}>{t('payout.paid')}</Button>
          </>
        }
      >
        <Stack>
          <p style={{ margin: 0 }}>{t('payout.paidText')}</p>
          <TextInput label={t('payout.connection')} description={t('payout.connectionNote')} dir="ltr" required value={bank.connection} onChange={(e) => setBank({ ...bank, connection: e.currentTarget.value })} />
          <TextInput label={t('payout.reference')} dir="ltr" required value={bank.reference} onChange={(e) => setBank({ ...bank, reference: e.currentTarget.value })} />
          {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        </Stack>
      </Dialog>
      <ReasonDialog
        opened={dialog === 'returned'}
        onClose={() => setDialog(null)}
        title={t('payout.returned')}
        text={t('payout.returnedText')}
        confirm={t('payout.returned')}
        busy={returned.busy}
        error={failed}
        onConfirm={({ note }) => void run(returned.run({ path: { id }, body: { reason: note } }), t('done.returned'))}
      />
    </Stack>
  );
}

export function PayoutPage() {
  const { t } = useTranslation('office-partners');
  const { id } = useParams({ strict: false }) as { id: string };
  return (
    <Page title={t('payout.title')} crumbs={[{ label: t('title'), to: '/partners' }]} width="text">
      <PayoutFile id={id} />
    </Page>
  );
}
