import { Select, Textarea } from '@mantine/core';
import { useApiQuery, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { errorText, FormDialog, Money, Notice, say } from '@qd/ui';
import { useEffect, useState, type FormEvent } from 'react';

type Break = Row<'/api/v1/reconciliation/breaks'>;

const ENDS = ['suspense', 'fees', 'chargebacks', 'wallet', 'client_suspense'] as const;
type End = (typeof ENDS)[number];

/** Why a break is none; where money has to move, to which account, for a second person to decide. */
export function Explain({ of, opened, onClose }: { of: Break; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('office-recon');
  const explain = useWrite('post', '/api/v1/reconciliation/breaks/{id}/explain', { touches: ['exception', 'approval'] });
  const [reason, setReason] = useState('');
  const [end, setEnd] = useState<End | null>(null);
  const [client, setClient] = useState<string | null>(null);
  const [typed, setTyped] = useState('');
  const [tried, setTried] = useState(false);
  const [above, setAbove] = useState<string | null>(null);
  useEffect(() => {
    if (!opened) return;
    setReason('');
    setEnd(null);
    setClient(of.client_id ?? null);
    setTyped('');
    setTried(false);
    setAbove(null);
  }, [opened, of.id, of.client_id]);
  const ofClient = end === 'wallet' || end === 'client_suspense';
  const found = useApiQuery('/api/v1/search', ofClient && typed.trim().length >= 2 ? { query: { q: typed.trim() } } : null);
  const own = useApiQuery('/api/v1/names', of.client_id ? { query: { ids: of.client_id } } : null, { live: 'off' });
  // Only a difference of money at a provider can be corrected by an entry.
  const correctable = of.side === 'provider' && Number(of.difference.minor) !== 0 && of.kind !== 'unreadable_line';
  const people = new Map<string, string>();
  for (const n of own.data?.items ?? []) people.set(n.id, n.name);
  for (const c of found.data?.items ?? []) people.set(c.id, c.email ? `${c.name} · ${c.email}` : c.name);
  const submit = async (event?: FormEvent<HTMLFormElement>) => {
    event?.preventDefault();
    setTried(true);
    if (!reason.trim() || (ofClient && !client)) return;
    const counter = end === 'wallet' || end === 'client_suspense' ? { place: end, client_id: client ?? '' } : end ? { place: end } : null;
    try {
      await explain.run({ path: { id: of.id }, body: { reason: reason.trim(), ...(counter ? { correction: { counter } } : {}) } });
      onClose();
      say(end ? t('asked') : t('explained'));
    } catch (error) {
      setAbove(errorText(error));
    }
  };
  return (
    <FormDialog opened={opened} onClose={onClose} title={t('explain')} save={end ? t('ask') : t('explain')} busy={explain.busy} above={above} onSubmit={(e) => void submit(e)}>
      <div>
        {t(`kinds.${of.kind}`)} · <Money value={of.difference} signed strong />
      </div>
      <Textarea label={t('reason')} description={t('reasonHint')} value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={tried && !reason.trim() && t('reasonMissing')} required minRows={3} autosize dir="auto" data-autofocus maxLength={2000} />
      {correctable && (
        <>
          <Select label={t('correct')} description={t('correctHint')} placeholder={t('noCorrection')} clearable data={ENDS.map((value) => ({ value, label: t(`at.${value}`) }))} value={end} onChange={(v) => setEnd(ENDS.find((e) => e === v) ?? null)} />
          {ofClient && (
            <Select
              label={t('client')}
              searchable
              required
              searchValue={typed}
              onSearchChange={setTyped}
              filter={({ options }) => options}
              nothingFoundMessage={typed.trim().length < 2 ? t('typeMore') : t('nobody')}
              data={[...people].map(([value, label]) => ({ value, label }))}
              value={client}
              onChange={setClient}
              error={tried && !client && t('clientMissing')}
            />
          )}
          {end && <Notice>{t('second')}</Notice>}
        </>
      )}
    </FormDialog>
  );
}
