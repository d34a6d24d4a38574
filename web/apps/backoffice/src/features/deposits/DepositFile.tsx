import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite } from '@qd/api';
import { country, useTranslation } from '@qd/i18n';
import { Card, Cards, Changed, Chip, CopyId, Disabled, Drawer, ErrorState, KeyValue, Money, moneyText, Notice, ReasonDialog, say, StatusChip, Steps, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState, type ReactNode } from 'react';
import { ClientLink, Named, useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { PaymentHistory } from '../../lib/PaymentHistory';
import { Attempts } from './Attempts';
import type { Deposit } from './DepositsPage';
import { codeText, methodText } from './words';

const DAY = 86_400_000_000;

export function useDeposit(id: string | undefined) {
  return useApiQuery('/api/v1/deposits/{id}', id ? { path: { id } } : null, { live: 'mark' });
}

/** Lets held money go on, or gives it back; both with a reason. */
export function useRelease(d: Deposit): { buttons: ReactNode; dialogs: ReactNode } {
  const { t, i18n } = useTranslation('office-money');
  const may = useCan('deposits.manage');
  const [open, setOpen] = useState<'release' | 'refund' | null>(null);
  const refund = useWrite('post', '/api/v1/deposits/{id}/refund');
  const release = useWrite('post', '/api/v1/deposits/{id}/release');
  const held = d.state === 'held';
  if (!held || !may) return { buttons: null, dialogs: null };
  const path = { id: d.id };
  const amount = moneyText(i18n.language, d.received ?? d.amount);
  const attempt = async (run: () => Promise<unknown>, done: string) => {
    try {
      await run();
      setOpen(null);
      say(done);
    } catch {
      // The write's own `error` is shown in its dialog.
    }
  };
  const blocked = d.received && d.received.minor === 0 ? t('d.otherCurrency') : null;
  return {
    buttons: (
      <>
        <Disabled why={blocked}>
          <Button onClick={() => setOpen('release')}>{t('d.release')}</Button>
        </Disabled>
        <Button variant="default" onClick={() => setOpen('refund')}>
          {t('d.refund')}
        </Button>
      </>
    ),
    dialogs: (
      <>
        <ReasonDialog
          opened={open === 'release'}
          onClose={() => setOpen(null)}
          title={t('d.release')}
          text={t('d.releaseText', { amount })}
          confirm={t('d.release')}
          busy={release.busy}
          error={release.error}
          onConfirm={({ note: reason }) => attempt(() => release.run({ path, body: { reason } }), t('d.released'))}
        />
        <ReasonDialog
          opened={open === 'refund'}
          onClose={() => setOpen(null)}
          title={t('d.refund')}
          text={t('d.refundText', { amount })}
          confirm={t('d.refund')}
          danger
          busy={refund.busy}
          error={refund.error}
          onConfirm={({ note: reason }) => attempt(() => refund.run({ path, body: { reason } }), t('d.refundSay'))}
        />
      </>
    ),
  };
}

interface PeekProps {
  id: string | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
  onFullPage: () => void;
}

export function DepositPeek({ id, ...drawer }: PeekProps) {
  const { t } = useTranslation('office-money');
  const record = useDeposit(id);
  if (id && record.data) return <Open key={id} d={record.data} waiting={record.waiting} onShow={() => void record.showNew()} {...drawer} />;
  return (
    <Drawer opened={!!id} size="lg" title={t('d.deposit')} {...drawer}>
      {record.error ? <ErrorState error={record.error} onRetry={() => void record.refetch()} /> : <Skeleton height={240} />}
    </Drawer>
  );
}

function Open({ d, waiting, onShow, ...drawer }: { d: Deposit; waiting: number; onShow: () => void } & Omit<PeekProps, 'id'>) {
  const { t } = useTranslation('office-money');
  const release = useRelease(d);
  const name = useNames([d.client_id])(d.client_id);
  return (
    <Drawer opened size="lg" {...drawer} title={<bdi>{name ?? t('d.deposit')}</bdi>} aside={<StatusChip kind="deposit" value={d.state} />} footer={release.buttons ?? undefined}>
      <DepositFile d={d} waiting={waiting} onShow={onShow} narrow />
      {release.dialogs}
    </Drawer>
  );
}

/** One deposit: where the money is, how it was paid, every attempt and why it went there, the client's other deposits of the day, what was done. */
export function DepositFile({ d, waiting, onShow, narrow }: { d: Deposit; waiting: number; onShow: () => void; narrow?: boolean }) {
  const { t, i18n } = useTranslation('office-money');
  const lang = i18n.language;
  const seesDisputes = useCan('disputes.view');
  const history = useApiQuery('/api/v1/deposits/{id}/history', { path: { id: d.id } });
  const others = useApiQuery('/api/v1/deposits', { query: { client_id: d.client_id, limit: 50 } });
  const disputes = useApiQuery('/api/v1/clients/{id}/disputes', seesDisputes && d.dispute_state ? { path: { id: d.client_id } } : null);
  const name = useNames([d.client_id, d.account_id]);
  const chain = (others.data?.items ?? []).filter((o) => Math.abs(o.created_at_us - d.created_at_us) < DAY).sort((a, b) => a.created_at_us - b.created_at_us);
  const mine = (disputes.data?.items ?? []).filter((x) => x.deposit_id === d.id);
  const i = d.instrument;
  return (
    <>
      <Changed waiting={waiting} onShow={onShow} />
      {d.state === 'held' && <Notice tone="warn">{t('d.heldBecause', { reason: codeText(d.held_reason) ?? '–' })}</Notice>}
      {d.failure_code && <Notice tone="bad">{t('d.failedBecause', { reason: codeText(d.failure_code) ?? '–' })}</Notice>}
      {d.second_of && (
        <Notice>
          {t('d.secondOf')} <ObjectLink object={`deposit:${d.second_of}`} label={t('open')} />
        </Notice>
      )}
      <Cards min={narrow ? '100%' : '24rem'}>
        <Card title={t('d.deposit')}>
          <KeyValue
            items={[
              { label: t('amount'), value: <Money value={d.amount} strong /> },
              { label: t('d.received'), value: d.received ? <Money value={d.received} /> : null },
              { label: t('d.returned'), value: d.returned.minor ? <Money value={d.returned} /> : null, optional: true },
              { label: t('client'), value: <ClientLink id={d.client_id} name={name(d.client_id)} /> },
              { label: t('d.toAccount'), value: d.account_id ? <Named id={d.account_id} name={name(d.account_id)} /> : t('wallet') },
              { label: t('d.method'), value: methodText(d) },
              { label: t('d.holder'), value: i?.holder ? <bdi>{i.holder}</bdi> : null, optional: true },
              { label: t('d.cardCountry'), value: i?.country ? country(lang, i.country) : null, optional: true },
              { label: t('d.connection'), value: <bdi>{d.connection}</bdi> },
              { label: t('d.first'), value: d.first_deposit ? <Chip tone="info" size="sm" label={t('d.firstShort')} /> : null, optional: true },
              { label: t('d.created'), value: <When us={d.created_at_us} as="full" /> },
              { label: t('d.receivedAt'), value: d.received_at_us ? <When us={d.received_at_us} as="full" /> : null, optional: true },
              { label: t('d.posted'), value: d.posted_at_us ? <When us={d.posted_at_us} as="full" /> : null, optional: true },
              { label: t('providerRef'), value: d.provider_ref ? <CopyId id={d.provider_ref} label={cut(d.provider_ref)} /> : null, optional: true },
              { label: t('d.paymentRef'), value: d.payment_ref ? <CopyId id={d.payment_ref} label={cut(d.payment_ref)} /> : null, optional: true },
              { label: t('id'), value: <CopyId id={d.id} /> },
            ]}
          />
        </Card>
        <Card title={t('steps')}>
          <Steps steps={d.steps} />
        </Card>
        <Attempts d={d} />
        {chain.length > 1 && (
          <Card title={t('d.attempts')}>
            <ol style={{ margin: 0, paddingInlineStart: '1.25rem', display: 'grid', gap: '0.4rem' }}>
              {chain.map((o) => (
                <li key={o.id} aria-current={o.id === d.id ? 'true' : undefined}>
                  <When us={o.created_at_us} as="time" /> · <Money value={o.amount} /> · {methodText(o)} <StatusChip kind="deposit" value={o.state} size="sm" />{' '}
                  {o.failure_code && <span className="qd-muted">{codeText(o.failure_code)} </span>}
                  {o.id !== d.id && <ObjectLink object={`deposit:${o.id}`} label={t('open')} />}
                </li>
              ))}
            </ol>
          </Card>
        )}
        {mine.length > 0 && (
          <Card title={t('d.dispute')}>
            {mine.map((x) => (
              <KeyValue
                key={x.id}
                items={[
                  { label: t('state'), value: <StatusChip kind="dispute" value={x.state} /> },
                  { label: t('amount'), value: <Money value={{ minor: x.amount_minor, currency: x.currency }} /> },
                  { label: t('reason'), value: codeText(x.reason) },
                  { label: t('d.opened'), value: <When us={x.opened_at_us} as="full" /> },
                  { label: t('providerRef'), value: <CopyId id={x.provider_ref} label={cut(x.provider_ref)} /> },
                ]}
              />
            ))}
          </Card>
        )}
        <Card title={t('history')}>
          {history.error && !history.data ? <ErrorState error={history.error} onRetry={() => void history.refetch()} /> : <PaymentHistory lines={history.data?.items} kind="deposit" />}
        </Card>
      </Cards>
    </>
  );
}

/** A provider's reference may have 70 letters: both ends are enough to tell them apart. */
const cut = (ref: string) => (ref.length > 28 ? `${ref.slice(0, 14)}…${ref.slice(-8)}` : ref);
