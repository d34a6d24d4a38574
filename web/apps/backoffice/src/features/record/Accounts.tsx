import { Button, Group, NumberInput, Select, Stack } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { duration, number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, CopyId, Dialog, EmptyState, errorText, KeyValue, Money, Notice, ReasonDialog, say, StatusChip, statusText, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState } from 'react';
import type { ClientRecord } from './Overview';

type Account = NonNullable<ClientRecord['accounts']>[number];

/** Each account as the platform last said, with the time of reading, and what waits to reach it. */
export function Accounts({ accounts, onChanged }: { accounts: readonly Account[]; onChanged: () => void }) {
  const { t } = useTranslation('office-record');
  if (accounts.length === 0) return <EmptyState title={t('accounts.none')} />;
  return (
    <Cards min="22rem">
      {accounts.map((a) => <One key={a.id} a={a} onChanged={onChanged} />)}
    </Cards>
  );
}

function One({ a, onChanged }: { a: Account; onChanged: () => void }) {
  const { t, i18n } = useTranslation(['office-record', 'common']);
  const lang = i18n.language;
  const can = { view: useCan('accounts.view'), rights: useCan('accounts.restrict'), leverage: useCan('accounts.leverage') };
  const refresh = useWrite('post', '/api/v1/accounts/{id}/refresh');
  const rights = useWrite('post', '/api/v1/accounts/{id}/restrict');
  const leverage = useWrite('post', '/api/v1/accounts/{id}/leverage');
  const [dialog, setDialog] = useState<'rights' | 'leverage' | null>(null);
  const [wanted, setWanted] = useState<string>(a.rights === 'full' ? 'read_only' : 'full');
  const [lev, setLev] = useState<number | string>(a.leverage);
  const [failed, setFailed] = useState<unknown>(null);
  const run = async (act: () => Promise<unknown>, text: string) => {
    try {
      await act();
      setFailed(null);
      setDialog(null);
      say(text);
      onChanged();
    } catch (error) {
      setFailed(error);
    }
  };
  const r = a.reading;
  const money = (minor: number) => <Money value={{ minor, currency: r?.currency ?? a.currency }} />;
  return (
    <Card title={<bdi>{a.login ?? t('accounts.opening')} · {a.server}</bdi>} actions={<StatusChip kind="account" value={a.state} />}>
      {failed !== null && dialog === null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <KeyValue
        items={[
          { label: t('accounts.type'), value: `${statusText('account_kind', a.kind)} · ${a.account_type} · ${a.currency}` },
          { label: t('accounts.group'), value: <bdi dir="ltr" className="qd-mono">{a.group}</bdi> },
          { label: t('accounts.leverage'), value: <bdi>1:{number(lang, a.leverage)}</bdi> },
          { label: t('accounts.rights'), value: <><StatusChip kind="trading_rights" value={a.rights} />{a.rights_wanted !== a.rights && <Chip tone="warn" label={t('accounts.wanted', { rights: statusText('trading_rights', a.rights_wanted) })} />}</> },
          { label: t('accounts.rightsWhy'), value: a.rights_reason ? <span dir="auto">{a.rights_reason}{a.rights_by ? ` · ${a.rights_by}` : ''}</span> : null, optional: true },
          { label: t('accounts.sync'), value: <><StatusChip kind="sync" value={a.sync.state} /> {a.sync.waiting_s != null && t('accounts.waiting', { time: duration(lang, a.sync.waiting_s) })}{a.sync.error && <span dir="auto"> {a.sync.error}</span>}</> },
          { label: t('accounts.balance'), value: r ? money(r.balance_minor) : null },
          { label: t('accounts.equity'), value: r ? money(r.equity_minor) : null },
          { label: t('accounts.free'), value: r ? money(r.free_margin_minor) : null },
          r && r.credit_minor !== 0 && { label: t('accounts.credit'), value: money(r.credit_minor) },
          { label: t('accounts.read'), value: r ? <When us={r.read_at_us} /> : t('accounts.unread') },
          { label: t('accounts.id'), value: <CopyId id={a.id} /> },
        ]}
      />
      <Group gap="xs">
        {can.view && <Button size="compact-sm" variant="default" loading={refresh.busy} onClick={() => void run(() => refresh.run({ path: { id: a.id } }), t('accounts.refreshed'))}>{t('accounts.refresh')}</Button>}
        {can.rights && <Button size="compact-sm" variant="default" onClick={() => setDialog('rights')}>{t('accounts.setRights')}</Button>}
        {can.leverage && <Button size="compact-sm" variant="default" onClick={() => setDialog('leverage')}>{t('accounts.setLeverage')}</Button>}
      </Group>
      <ReasonDialog
        opened={dialog === 'rights'}
        onClose={() => setDialog(null)}
        title={t('accounts.setRights')}
        text={t('accounts.rightsText')}
        confirm={t('common:save')}
        busy={rights.busy}
        error={failed}
        onConfirm={({ note }) => void run(() => rights.run({ path: { id: a.id }, body: { rights: wanted as Schema<'AccountRights'>, reason: note } }), t('accounts.sent'))}
      >
        <Select label={t('accounts.rights')} allowDeselect={false} data={(['full', 'read_only', 'blocked'] as const).map((value) => ({ value, label: statusText('trading_rights', value) }))} value={wanted} onChange={(v) => setWanted(v ?? 'full')} />
      </ReasonDialog>
      <Dialog
        opened={dialog === 'leverage'}
        onClose={() => setDialog(null)}
        title={t('accounts.setLeverage')}
        locked={leverage.busy}
        footer={
          <>
            <Button variant="default" onClick={() => setDialog(null)}>{t('common:cancel')}</Button>
            <Button loading={leverage.busy} onClick={() => void run(() => leverage.run({ path: { id: a.id }, body: { leverage: Number(lev) } }), t('accounts.sent'))}>{t('common:save')}</Button>
          </>
        }
      >
        <Stack>
          {failed !== null && dialog === 'leverage' && <Notice tone="bad">{errorText(failed)}</Notice>}
          <NumberInput label={t('accounts.leverageTo')} prefix="1:" min={1} max={2000} value={lev} onChange={setLev} />
        </Stack>
      </Dialog>
    </Card>
  );
}
