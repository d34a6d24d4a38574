import { Button, Menu, Skeleton, Stack, Tabs } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, ErrorState, Page, ReasonDialog, say, StatusChip, statusText, useSearchState } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { IconChevronDown } from '@tabler/icons-react';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Clients } from './Clients';
import { EditPartner } from './EditPartner';
import { Lines } from './Lines';
import { Links } from './Links';
import { MoveDialog } from './MoveDialog';
import { Overview } from './Overview';
import { Payable } from './Payable';
import { Payouts } from './Payouts';
import { PlanDialog } from './PlanDialog';
import { Postbacks } from './Postbacks';
import { Programmes } from './Programmes';
import { Statements } from './Statements';
import { TermsTab } from './TermsTab';
import { TreeTab } from './TreeTab';

type State = Schema<'PartnerState'>;
// From where a partner can go: an ended partner stays ended.
const next: Record<State, readonly State[]> = { applied: ['active', 'terminated'], active: ['suspended', 'terminated'], suspended: ['active', 'terminated'], terminated: [] };

/** One partner: who, where in the tree, on which plan, what was earned and paid. */
export function PartnerPage() {
  const { t } = useTranslation(['office-partners', 'office-engine', 'office-programmes']);
  const { id } = useParams({ strict: false }) as { id: string };
  const [search, set] = useSearchState();
  const file = useApiQuery('/api/v1/partners/{id}', { path: { id } });
  const setState = useWrite('post', '/api/v1/partners/{id}/state');
  const manage = useCan('partners.manage');
  const plans = useCan('plans.manage');
  const money = useCan('commission.view');
  const [dialog, setDialog] = useState<'edit' | 'move' | 'plan' | null>(null);
  const [to, setTo] = useState<State | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const f = file.data;
  if (file.error && !f) return <Page title={t('partner')} crumbs={[{ label: t('title'), to: '/partners' }]}><ErrorState error={file.error} onRetry={() => void file.refetch()} /></Page>;
  if (!f) return <Page title={t('partner')} crumbs={[{ label: t('title'), to: '/partners' }]}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const p = f.partner;
  const again = () => void file.refetch();
  const tab = search.tab ?? 'overview';
  return (
    <Page
      title={p.name}
      crumbs={[{ label: t('title'), to: '/partners' }]}
      aside={
        <>
          <StatusChip kind="partner" value={p.state} />
          <CopyId id={p.id} />
        </>
      }
      text={[p.entity, p.currency, statusText('payout_method', p.payout_method)].join(' · ')}
      actions={
        manage || plans ? (
          <>
            {manage && p.state === 'applied' && <Button onClick={() => setTo('active')}>{t('state.active.do')}</Button>}
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>{t('actions')}</Button>
              </Menu.Target>
              <Menu.Dropdown>
                {manage && <Menu.Item onClick={() => setDialog('edit')}>{t('edit.title')}</Menu.Item>}
                {plans && <Menu.Item onClick={() => setDialog('plan')}>{t('plan.assign')}</Menu.Item>}
                {manage && <Menu.Item onClick={() => setDialog('move')}>{t('move.title')}</Menu.Item>}
                {manage && next[p.state].map((s) => <Menu.Item key={s} color={s === 'terminated' ? 'red' : undefined} onClick={() => setTo(s)}>{t(`state.${s as 'active' | 'suspended' | 'terminated'}.do`)}</Menu.Item>)}
              </Menu.Dropdown>
            </Menu>
          </>
        ) : null
      }
      tabs={
        <Tabs value={tab} onChange={(v) => set({ tab: v === 'overview' ? null : v, peek: null, state: null })}>
          <Tabs.List aria-label={t('partner')}>
            <Tabs.Tab value="overview" aria-controls={undefined}>{t('tab.overview')}</Tabs.Tab>
            <Tabs.Tab value="tree" aria-controls={undefined}>{t('tab.tree')}</Tabs.Tab>
            <Tabs.Tab value="links" aria-controls={undefined}>{t('tab.links')}</Tabs.Tab>
            <Tabs.Tab value="clients" aria-controls={undefined}>{t('tab.clients')}</Tabs.Tab>
            {money && <Tabs.Tab value="lines" aria-controls={undefined}>{t('tab.lines')}</Tabs.Tab>}
            {money && <Tabs.Tab value="programmes" aria-controls={undefined}>{t('office-programmes:title')}</Tabs.Tab>}
            {money && <Tabs.Tab value="statements" aria-controls={undefined}>{t('tab.statements')}</Tabs.Tab>}
            {money && <Tabs.Tab value="payouts" aria-controls={undefined}>{t('tab.payouts')}</Tabs.Tab>}
            {money && <Tabs.Tab value="terms" aria-controls={undefined}>{t('office-programmes:terms.title')}</Tabs.Tab>}
            <Tabs.Tab value="postbacks" aria-controls={undefined}>{t('office-engine:post.title')}</Tabs.Tab>
          </Tabs.List>
        </Tabs>
      }
    >
      {tab === 'overview' && <Overview file={f} />}
      {tab === 'tree' && <TreeTab id={id} />}
      {tab === 'links' && <Links id={id} />}
      {tab === 'clients' && <Clients id={id} />}
      {tab === 'lines' && money && <Lines partner={id} />}
      {tab === 'programmes' && money && <Programmes id={id} />}
      {tab === 'statements' && money && <Statements id={id} />}
      {tab === 'payouts' && money && <Stack><Payable id={id} /><Payouts partner={p} /></Stack>}
      {tab === 'terms' && money && <TermsTab id={id} />}
      {tab === 'postbacks' && <Postbacks id={id} />}
      <EditPartner opened={dialog === 'edit'} partner={p} onClose={() => setDialog(null)} onDone={again} />
      <MoveDialog opened={dialog === 'move'} file={f} onClose={() => setDialog(null)} onDone={again} />
      <PlanDialog opened={dialog === 'plan'} file={f} onClose={() => setDialog(null)} onDone={again} />
      <ReasonDialog
        opened={to !== null}
        onClose={() => { setTo(null); setFailed(null); }}
        title={to ? t(`state.${to as 'active' | 'suspended' | 'terminated'}.title`, { name: p.name }) : ''}
        text={to ? t(`state.${to as 'active' | 'suspended' | 'terminated'}.text`) : ''}
        confirm={to ? t(`state.${to as 'active' | 'suspended' | 'terminated'}.do`) : ''}
        danger={to === 'terminated'}
        typed={to === 'terminated' ? p.name : undefined}
        busy={setState.busy}
        error={failed}
        onConfirm={({ note }) => {
          setState.run({ path: { id }, body: { state: to as State, reason: note, version: p.version } }).then(
            () => { setTo(null); setFailed(null); say(t('done.saved')); again(); },
            (e: unknown) => setFailed(e),
          );
        }}
      />
    </Page>
  );
}
