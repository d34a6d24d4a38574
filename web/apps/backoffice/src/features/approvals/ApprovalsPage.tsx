import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { ApproveDialog, Card, CopyId, DataTable, Drawer, ErrorState, KeyValue, Money, Page, say, StatusChip, statusText, useSearchState, useShortcuts, When, type Column, type Vote } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { useParams } from '@tanstack/react-router';
import { useMemo, useState, type ReactNode } from 'react';
import { Facts } from '../../lib/Facts';
import { ListTabs } from '../../lib/ListTabs';
import { ClientLink, Named, useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { REJECT_CODES } from '../withdrawals/queries';

type Approval = Row<'/api/v1/approvals'>;

const moneyOf = (a: Approval) => (typeof a.amount_minor === 'number' && a.currency ? { minor: a.amount_minor, currency: a.currency } : null);
const kindOf = (a: Approval) => a.subject.split(':')[0] ?? '';

/** Signals are words of the vocabulary; other reasons are what somebody wrote. */
const reasonOf = (reason: string): ReactNode => (/^[a-z_,]+$/.test(reason) ? reason.split(',').map((s) => statusText('signal', s)).join(' · ') : <span dir="auto">{reason}</span>);

/** Everything that waits for a second pair of eyes, whatever it is about. */
export function ApprovalsPage() {
  const { t } = useTranslation('office-money');
  const { me } = useSession();
  const { id: asked } = useParams({ strict: false }) as { id?: string };
  const [search, set] = useSearchState();
  const tab = search.tab ?? 'me';
  const list = useCursorPages('/api/v1/approvals', { query: { state: tab === 'approved' || tab === 'refused' ? tab : 'waiting', limit: 50 } });
  const rows = useMemo(() => {
    if (tab === 'me') return list.rows.filter((a) => a.may_vote);
    if (tab === 'mine') return list.rows.filter((a) => a.requester_id === me.id || a.votes.some((v) => v.voter_id === me.id));
    return list.rows;
  }, [list.rows, tab, me.id]);
  const name = useNames(useMemo(() => rows.map((a) => a.client_id), [rows]));
  const columns = useMemo<readonly Column<Approval>[]>(
    () => [
      { id: 'what', header: t('a.what'), width: 200, fixed: true, cell: (a) => t(`a.kind.${kindOf(a)}` as never, { defaultValue: kindOf(a) } as never) as unknown as string },
      { id: 'amount', header: t('amount'), width: 140, align: 'number', card: 'side', cell: (a) => <Money value={moneyOf(a)} /> },
      { id: 'client', header: t('client'), width: 190, cell: (a) => <Named id={a.client_id} name={name(a.client_id)} /> },
      { id: 'reason', header: t('reason'), width: 240, cell: (a) => reasonOf(a.reason) },
      { id: 'votes', header: t('w.votes'), width: 110, cell: (a) => t('w.votesOf', { given: String(a.given), needed: String(a.needed) }) },
      { id: 'asked', header: t('a.asked'), width: 160, cell: (a) => (a.requester_id.startsWith('stf_') ? <bdi>{a.requester_label}</bdi> : t('byRule')) },
      { id: 'created', header: t('requested'), width: 150, cell: (a) => <When us={a.created_at_us} /> },
      { id: 'expires', header: t('a.expires'), width: 150, cell: (a) => <When us={a.expires_at_us} /> },
      { id: 'state', header: t('state'), width: 170, hidden: true, cell: (a) => <StatusChip kind="approval" value={a.state} /> },
    ],
    [t, name],
  );
  const at = rows.findIndex((a) => a.id === (search.peek ?? asked));
  const to = (a: Approval | undefined) => (a ? () => set({ peek: a.id }, { replace: true }) : null);
  return (
    <Page
      title={t('a.title')}
      fill
      tabs={
        <ListTabs
          label={t('a.title')}
          tabs={[
            { value: null, label: t('a.forMe') },
            { value: 'mine', label: t('a.mine') },
            { value: 'waiting', label: t('a.waiting') },
            { value: 'approved', label: statusText('approval', 'approved') },
            { value: 'refused', label: statusText('approval', 'refused') },
          ]}
        />
      }
    >
      <DataTable
        id="approvals"
        label={t('a.title')}
        columns={columns}
        rows={rows}
        rowId={(a) => a.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        onOpen={(a) => set({ peek: a.id })}
        opened={search.peek ?? asked}
        empty={{ kind: 'done', title: t('a.done'), text: t('a.doneText') }}
      />
      <ApprovalPeek id={search.peek ?? asked} onClose={() => set({ peek: null })} onPrevious={at > 0 ? to(rows[at - 1]) : null} onNext={at >= 0 ? to(rows[at + 1]) : null} />
    </Page>
  );
}

function ApprovalPeek({ id, ...drawer }: { id: string | undefined; onClose: () => void; onPrevious: (() => void) | null; onNext: (() => void) | null }) {
  const { t } = useTranslation('office-money');
  const { me } = useSession();
  const record = useApiQuery('/api/v1/approvals/{id}', id ? { path: { id } } : null);
  const [open, setOpen] = useState(false);
  const decide = useWrite('post', '/api/v1/approvals/{id}/decide', { touches: ['approval', 'withdrawal', 'partner', 'client'] });
  const [answering, setAnswering] = useState<'approve' | 'refuse' | false>(false);
  const a = record.data;
  const name = useNames([a?.client_id]);
  useShortcuts([{ keys: 'a', label: t('a.decide'), group: t('a.title'), run: () => setOpen(true), enabled: !!a && a.state === 'waiting' && !open }]);
  const votes: Vote[] = (a?.votes ?? []).map((v) => ({
    by_id: v.voter_id,
    by: v.voter_label,
    at_us: v.at_us,
    decision: v.approve ? 'approve' : 'refuse',
    note: v.reason || null,
    saw: <Facts value={v.seen} hide={['version']} />,
  }));
  const send = async (approve: boolean, code: string, reason: string) => {
    if (!a) return;
    setAnswering(approve ? 'approve' : 'refuse');
    try {
      await decide.run({ path: { id: a.id }, body: { approve, reason, reason_code: code || null } });
      setOpen(false);
      say(approve ? t('a.saidYes') : t('a.saidNo'));
    } catch {
      // Shown in the dialog.
    } finally {
      setAnswering(false);
    }
  };
  const facts = a && (
    <KeyValue
      items={[
        { label: t('a.what'), value: <ObjectLink object={a.subject} label={t(`a.kind.${kindOf(a)}` as never, { defaultValue: kindOf(a) } as never) as unknown as string} /> },
        { label: t('amount'), value: moneyOf(a) ? <Money value={moneyOf(a)} strong /> : null, optional: true },
        { label: t('client'), value: a.client_id ? <ClientLink id={a.client_id} name={name(a.client_id)} /> : null, optional: true },
        { label: t('reason'), value: reasonOf(a.reason) },
        { label: t('a.asked'), value: a.requester_id.startsWith('stf_') ? <bdi>{a.requester_label}</bdi> : t('byRule') },
        { label: t('requested'), value: <When us={a.created_at_us} as="full" /> },
        { label: t('a.expires'), value: a.expires_at_us ? <When us={a.expires_at_us} as="full" /> : null, optional: true },
      ]}
    />
  );
  return (
    <Drawer
      opened={!!id}
      {...drawer}
      title={t('a.one')}
      aside={a && <StatusChip kind="approval" value={a.state} />}
      footer={a?.state === 'waiting' ? <Button onClick={() => setOpen(true)}>{t('a.decide')}</Button> : undefined}
    >
      {record.error && !a ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : !a ? (
        <Skeleton height={200} />
      ) : (
        <>
          {facts}
          <Card title={t('w.votes')}>
            {votes.length === 0 ? (
              <p className="qd-muted" style={{ margin: 0 }}>
                {t('a.nobody')}
              </p>
            ) : (
              votes.map((v) => (
                <div key={v.by_id + v.at_us}>
                  <strong>
                    <bdi>{v.by}</bdi>
                  </strong>{' '}
                  {t(v.decision === 'approve' ? 'w.saidYes' : 'w.saidNo')} · <When us={v.at_us} as="full" />
                  {v.note && <p dir="auto">{v.note}</p>}
                  <details>
                    <summary>{t('a.saw')}</summary>
                    {v.saw}
                  </details>
                </div>
              ))
            )}
          </Card>
          <CopyId id={a.id} />
          <ApproveDialog
            opened={open}
            onClose={() => setOpen(false)}
            title={t('a.decide')}
            facts={facts}
            votes={votes}
            needed={a.needed}
            me={me.id}
            requestedBy={a.requester_may_vote ? null : a.requester_id}
            blocked={!a.may_vote && a.requester_id !== me.id && !a.votes.some((v) => v.voter_id === me.id) ? t('a.notYou') : null}
            refuseReasons={kindOf(a) === 'withdrawal' ? REJECT_CODES.map((value) => ({ value, label: statusText('reason', value) })) : undefined}
            typed={a.needed > 1 ? moneyOf(a) : null}
            busy={decide.busy && answering}
            error={decide.error}
            onApprove={({ note }) => void send(true, '', note)}
            onRefuse={({ code, note }) => void send(false, code, note || statusText('reason', code))}
          />
        </>
      )}
    </Drawer>
  );
}
