import { Button, Progress, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { ApproveDialog, Card, Cards, CopyId, Disabled, ErrorState, KeyValue, Page, ReasonDialog, say, StatusChip, When } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Named, useNames } from '../../lib/names';
import { PerStatement, PreviewFigures, Sums } from './Figures';
import { Subject } from './Subject';
import { causeText, policyText } from './words';

type Correction = Schema<'CommissionCorrection'>;

/** One correction: what was asked, what the decider sees, how far it is, what it moved. */
export function CorrectionPage() {
  const { t, i18n } = useTranslation(['office-engine', 'office-partners']);
  const { id } = useParams({ strict: false }) as { id: string };
  const { me } = useSession();
  const go = useNavigate();
  const may = useCan('statements.close');
  const manage = useCan('partners.manage');
  const one = useApiQuery('/api/v1/corrections/{id}', { path: { id } }, { refetchInterval: (q) => (q.state.data?.correction.state === 'applying' ? 1500 : false) });
  const decide = useWrite('post', '/api/v1/corrections/{id}/decide');
  const reverse = useWrite('post', '/api/v1/corrections/{id}/reverse');
  const [dialog, setDialog] = useState<'decide' | 'reverse' | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const c = one.data?.correction;
  const name = useNames([c?.prepared_by, c?.decided_by]);
  const crumbs = [{ label: t('cor.title'), to: '/corrections' }];
  if (one.error && !c) return <Page title={t('cor.one')} crumbs={crumbs}><ErrorState error={one.error} onRetry={() => void one.refetch()} /></Page>;
  if (!one.data || !c) return <Page title={t('cor.one')} crumbs={crumbs}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const done = one.data.done;
  const chosen = c.policy === 'freeze' ? 'freeze' : 'retier';
  const end = (act: Promise<unknown>, text: string) => void act.then(() => { setFailed(null); setDialog(null); say(text); void one.refetch(); }, (e: unknown) => setFailed(e));
  const facts = <Facts c={c} name={name} />;
  return (
    <Page
      title={causeText(c.cause)}
      crumbs={crumbs}
      aside={<StatusChip kind="correction" value={c.state} />}
      actions={
        <>
          {c.state === 'prepared' && <Disabled why={c.prepared_by === me.id ? t('cor.own') : !may ? t('cor.notYours') : null}><Button onClick={() => { setFailed(null); setDialog('decide'); }}>{t('cor.decide')}</Button></Disabled>}
          {c.state === 'applied' && !c.undone_by && manage && <Button variant="default" onClick={() => { setFailed(null); setDialog('reverse'); }}>{t('cor.reverse')}</Button>}
        </>
      }
    >
      <Stack>
        {c.state === 'applying' && (
          <Card title={t('cor.applying')}>
            <Progress value={c.deals_total > 0 ? Math.round((c.deals_seen / c.deals_total) * 100) : 0} aria-label={t('cor.applying')} animated />
            <p role="status" style={{ marginBlockEnd: 0 }}>{t('cor.seenOf', { seen: number(i18n.language, c.deals_seen), total: number(i18n.language, c.deals_total) })}</p>
          </Card>
        )}
        <Cards min="22rem">
          <Card title={t('cor.what')}>{facts}</Card>
          {(c.state === 'applied' || c.state === 'applying') && <Card title={t('cor.moved')}><Sums figures={done} /></Card>}
        </Cards>
        {c.state === 'applied' ? <PerStatement figures={done} /> : <PreviewFigures preview={c.preview} chosen={chosen} />}
      </Stack>
      <ApproveDialog
        opened={dialog === 'decide'}
        onClose={() => setDialog(null)}
        title={t('cor.decide')}
        facts={<>{facts}<Sums figures={c.preview[chosen]} /></>}
        votes={[]}
        needed={1}
        me={me.id}
        requestedBy={c.prepared_by}
        busy={decide.busy ? 'approve' : false}
        error={failed}
        onApprove={({ note }) => end(decide.run({ path: { id }, body: { approve: true, reason: note } }), t('cor.approved'))}
        onRefuse={({ note }) => end(decide.run({ path: { id }, body: { approve: false, reason: note } }), t('office-partners:done.refused'))}
      />
      <ReasonDialog opened={dialog === 'reverse'} onClose={() => setDialog(null)} title={t('cor.reverse')} text={t('cor.reverseText')} confirm={t('cor.reverse')} busy={reverse.busy} error={failed} onConfirm={({ note }) => void reverse.run({ path: { id }, body: { reason: note } }).then((made) => { setDialog(null); say(t('cor.preparedNow')); void go({ to: `/corrections/${made.id}` as never }); }, (e: unknown) => setFailed(e))} />
    </Page>
  );
}

function Facts({ c, name }: { c: Correction; name: (id: string | null | undefined) => string | undefined }) {
  const { t } = useTranslation(['office-engine', 'office-partners']);
  const at = (c.request as { at_us?: number; from_us?: number; valid_from_us?: number }).at_us ?? (c.request as { from_us?: number }).from_us ?? (c.request as { valid_from_us?: number }).valid_from_us;
  return (
    <KeyValue
      items={[
        { label: t('cor.subject'), value: <Subject subject={c.subject} /> },
        { label: t('cor.from'), value: at ? <When us={at} as="full" /> : null, optional: true },
        { label: t('cor.policy'), value: policyText(c.policy) },
        { label: t('cor.reason'), value: <span dir="auto">{c.reason}</span> },
        { label: t('office-partners:payout.preparedBy'), value: <><Named id={c.prepared_by} name={name(c.prepared_by)} /> · <When us={c.prepared_at_us} as="full" /></> },
        { label: t('office-partners:payout.decidedBy'), value: c.decided_by ? <><Named id={c.decided_by} name={name(c.decided_by)} /> · <When us={c.decided_at_us ?? null} as="full" /></> : null, optional: true },
        { label: t('cor.undoes'), value: c.undoes ? <Link to={`/corrections/${c.undoes}` as never}>{t('close.look')}</Link> : null, optional: true },
        { label: t('cor.undoneBy'), value: c.undone_by ? <Link to={`/corrections/${c.undone_by}` as never}>{t('close.look')}</Link> : null, optional: true },
        { label: t('id'), value: <CopyId id={c.id} /> },
      ]}
    />
  );
}
