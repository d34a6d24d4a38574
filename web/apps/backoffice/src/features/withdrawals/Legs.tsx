import { Button, TextInput } from '@mantine/core';
import { useWrite } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, Dialog, errorText, KeyValue, Money, Notice, say, StatusChip, statusText, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState } from 'react';
import { ObjectLink } from '../../lib/ObjectLink';
import type { Withdrawal } from './queries';

type Leg = Withdrawal['legs'][number];

/** The parts it is paid in: to where, what became of each; bank transfers are settled here by hand. */
export function Legs({ w }: { w: Withdrawal }) {
  const { t } = useTranslation('office-money');
  const may = useCan('withdrawals.payout');
  const [open, setOpen] = useState<{ leg: Leg; paid: boolean } | null>(null);
  return (
    <>
      {w.legs.map((leg) => (
        <section key={leg.n} aria-label={t('w.leg', { n: String(leg.n) })} style={{ display: 'grid', gap: '0.4rem' }}>
          <KeyValue
            items={[
              { label: leg.kind === 'bank' ? t('w.byBank') : t('w.backTo', { connection: leg.connection ?? '' }), value: <Money value={leg.amount} strong /> },
              { label: t('state'), value: <StatusChip kind="leg" value={leg.state} /> },
              { label: t('w.failure'), value: leg.failure_code ? statusText('reason', leg.failure_code) : null, optional: true },
              { label: t('w.doneAt'), value: leg.done_at_us ? <When us={leg.done_at_us} as="full" /> : null, optional: true },
              { label: t('d.deposit'), value: leg.deposit_id ? <ObjectLink object={`deposit:${leg.deposit_id}`} /> : null, optional: true },
              { label: t('providerRef'), value: leg.provider_ref ? <CopyId id={leg.provider_ref} full /> : null, optional: true },
            ]}
          />
          {may && leg.kind === 'bank' && (leg.state === 'sending' || leg.state === 'pending') && (
            <div style={{ display: 'flex', gap: '0.5rem', flexWrap: 'wrap' }}>
              <Button size="compact-sm" onClick={() => setOpen({ leg, paid: true })}>
                {t('w.legPaid')}
              </Button>
              <Button size="compact-sm" variant="default" onClick={() => setOpen({ leg, paid: false })}>
                {t('w.legBack')}
              </Button>
            </div>
          )}
        </section>
      ))}
      {open && <Settle w={w} leg={open.leg} paid={open.paid} onClose={() => setOpen(null)} />}
    </>
  );
}

function Settle({ w, leg, paid, onClose }: { w: Withdrawal; leg: Leg; paid: boolean; onClose: () => void }) {
  const { t } = useTranslation('office-money');
  const settle = useWrite('post', '/api/v1/withdrawals/{id}/legs/{n}');
  const [reference, setReference] = useState('');
  const [tried, setTried] = useState(false);
  const send = async () => {
    setTried(true);
    if (!reference.trim()) return;
    try {
      await settle.run({ path: { id: w.id, n: String(leg.n) as never }, body: { paid, reference: reference.trim() } });
      say(paid ? t('w.legPaidSay') : t('w.legBackSay'));
      onClose();
    } catch {
      // Shown below.
    }
  };
  return (
    <Dialog
      opened
      onClose={onClose}
      title={paid ? t('w.legPaid') : t('w.legBack')}
      locked={settle.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button loading={settle.busy} onClick={() => void send()}>
            {t('save')}
          </Button>
        </>
      }
    >
      <p style={{ margin: 0 }}>{paid ? t('w.legPaidText') : t('w.legBackText')}</p>
      <Money value={leg.amount} strong />
      <TextInput
        label={t('w.bankRef')}
        value={reference}
        onChange={(e) => setReference(e.currentTarget.value)}
        error={tried && !reference.trim() && t('w.bankRefMissing')}
        required
        dir="ltr"
        onKeyDown={(e) => e.key === 'Enter' && void send()}
      />
      {settle.error ? <Notice tone="bad">{errorText(settle.error)}</Notice> : null}
    </Dialog>
  );
}
