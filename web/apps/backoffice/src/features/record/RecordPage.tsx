import { Button, Skeleton, Stack, Tabs } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { country, languageName, useTranslation } from '@qd/i18n';
import { Chip, CopyId, ErrorState, Page, StatusChip, useSearchState, useShortcuts } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Accounts } from './Accounts';
import { Assign } from './Assign';
import { Contact } from './Contact';
import { Documents } from './Documents';
import { OpenTicket } from './OpenTicket';
import { Money } from './MoneyPart';
import { Overview } from './Overview';
import { Restrictions } from './Restrictions';
import { Talk, type TalkDialog } from './Talk';
import { Story } from './Story';

/** Everything about one client, on one page; what the reader's role may not see is not in the answer. */
export function RecordPage() {
  const { t, i18n } = useTranslation('office-record');
  const { id } = useParams({ strict: false }) as { id: string };
  const [search, set] = useSearchState();
  const record = useApiQuery('/api/v1/clients/{id}', { path: { id } });
  const mayCall = useCan('calls.log');
  const mayRestrict = useCan('accounts.restrict');
  const seesCase = useCan('kyc.view');
  const seesMoney = useCan('deposits.view');
  const [dialog, setDialog] = useState<TalkDialog>(null);
  useShortcuts([{ keys: 'l', label: t('call'), run: () => setDialog('call'), enabled: mayCall }]);
  const r = record.data;
  if (record.error && !r) return <Page title={t('client')}><ErrorState error={record.error} onRetry={() => void record.refetch()} /></Page>;
  if (!r) return <Page title={t('client')}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const c = r.client;
  const again = () => void record.refetch();
  const tab = search.tab ?? 'overview';
  return (
    <Page
      title={c.name}
      crumbs={[{ label: t('clients'), to: '/clients' }]}
      aside={
        <>
          <StatusChip kind="stage" value={c.stage} />
          {c.vip && <Chip tone="info" label={t('vip')} />}
          {c.restrictions.map((x) => <StatusChip key={x.id} kind="restriction" value={x.kind} />)}
          <CopyId id={c.id} />
        </>
      }
      text={[r.entity.name, country(i18n.language, c.country), languageName(i18n.language, c.language), c.owner_name ? t('ownedBy', { name: c.owner_name }) : t('unowned')].join(' · ')}
      actions={
        <>
          {mayCall && <Button onClick={() => setDialog('call')}>{t('call')}</Button>}
          <Talk id={id} c={c} open={dialog} onOpen={setDialog} onDone={again} />
          {mayRestrict && <Button variant="default" onClick={() => setDialog('restrict')}>{t('restrict')}</Button>}
        </>
      }
      tabs={
        <Tabs value={tab} onChange={(v) => set({ tab: v === 'overview' ? null : v })}>
          <Tabs.List>
            <Tabs.Tab value="overview">{t('tab.overview')}</Tabs.Tab>
            <Tabs.Tab value="story">{t('tab.story')}</Tabs.Tab>
            {r.accounts && <Tabs.Tab value="accounts">{t('tab.accounts', { count: r.accounts.length })}</Tabs.Tab>}
            {seesMoney && <Tabs.Tab value="money">{t('tab.money')}</Tabs.Tab>}
            {seesCase && r.kyc?.case_id && <Tabs.Tab value="documents">{t('tab.documents')}</Tabs.Tab>}
            <Tabs.Tab value="contact">{t('tab.contact')}</Tabs.Tab>
          </Tabs.List>
        </Tabs>
      }
    >
      {tab === 'overview' && <Overview record={r} onChanged={again} onAml={() => setDialog('aml')} />}
      {tab === 'story' && <Story id={id} />}
      {tab === 'accounts' && r.accounts && <Accounts accounts={r.accounts} onChanged={again} />}
      {tab === 'money' && <Money id={id} record={r} />}
      {tab === 'contact' && <Contact id={id} record={r} onChanged={again} />}
      {tab === 'documents' && r.kyc?.case_id && <Documents caseId={r.kyc.case_id} />}
      {dialog === 'assign' && <Assign c={c} onClose={() => setDialog(null)} onDone={() => { setDialog(null); again(); }} />}
      {dialog === 'ticket' && <OpenTicket id={id} name={c.name} onClose={() => setDialog(null)} />}
      <Restrictions id={id} opened={dialog === 'restrict'} onClose={() => setDialog(null)} onDone={again} />
    </Page>
  );
}
