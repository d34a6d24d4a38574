import { Anchor, Button, Checkbox, Progress, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, CopyId, Dialog, Disabled, ErrorState, errorText, KeyValue, Money, Notice, Page, ReasonDialog, say, StatusChip, statusText, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { PartnerName } from '../partners/Chain';
import { Named, useNames } from '../../lib/names';
import { itemLink, itemNote, itemText, monthText, whyNot } from './words';
import classes from './closing.module.css';

type Close = Schema<'CommissionClose'>;
type Item = Schema<'CloseChecklistItem'>;

/** Closing a month: look at the checklist, run, look at the result, sign, pay. */
export function ClosePage() {
  const { t, i18n } = useTranslation('office-engine');
  const { id } = useParams({ strict: false }) as { id: string };
  const one = useApiQuery('/api/v1/commission-closes/{id}', { path: { id } }, { refetchInterval: (q) => (q.state.data?.close.state === 'running' ? 1500 : false) });
  const crumbs = [{ label: t('close.title'), to: '/month-closes' }];
  if (one.error && !one.data) return <Page title={t('close.one')} crumbs={crumbs}><ErrorState error={one.error} onRetry={() => void one.refetch()} /></Page>;
  if (!one.data) return <Page title={t('close.one')} crumbs={crumbs}><Stack><Skeleton height={40} /><Skeleton height={300} /></Stack></Page>;
  const { close: c, faults } = one.data;
  return (
    <Page title={t('close.of', { month: monthText(i18n.language, c.month), entity: c.entity })} crumbs={crumbs} aside={<StatusChip kind="close" value={c.state} />} actions={<Actions close={c} onDone={() => void one.refetch()} />}>
      <Stack>
        {(c.state === 'running' || c.state === 'stuck') && <Running close={c} />}
        {faults.length > 0 && (
          <Card title={t('close.faults', { count: faults.length })}>
            <ul className={classes.list}>
              {faults.map((f) => <li key={`${f.partner_id}${f.currency}`}><PartnerName id={f.partner_id} /> · {f.currency} <span className="qd-muted"><bdi dir="ltr">{f.cause}</bdi></span></li>)}
            </ul>
          </Card>
        )}
        {c.result && <Result close={c} />}
        <Checklist items={c.checklist} over={c.state === 'done' || c.state === 'signed_off'} />
        <Card title={t('close.who')}><Who close={c} /></Card>
      </Stack>
    </Page>
  );
}

function Checklist({ items, over }: { items: readonly Item[]; over: boolean }) {
  const { t, i18n } = useTranslation('office-engine');
  return (
    <Card title={over ? t('close.checklistThen') : t('close.checklist')}>
      <ul className={classes.items}>
        {items.map((i) => (
          <li key={i.code} data-ok={i.ok || undefined}>
            <div className={classes.itemHead}>
              <Chip tone={i.ok ? 'good' : i.blocks ? 'bad' : 'warn'} label={i.ok ? t('close.ok') : i.blocks ? t('close.blocks') : t('close.wantsWord')} />
              <strong>{itemText(i.code)}</strong>
              {!i.ok && <span className="qd-muted">{number(i18n.language, i.count)}</span>}
              {!i.ok && itemLink[i.code] && <Anchor component={Link} to={itemLink[i.code] as never}>{t('close.look')}</Anchor>}
            </div>
            {!i.ok && itemNote(i.code) && <p className="qd-muted">{itemNote(i.code)}</p>}
            {i.examples.length > 0 && (
              <details>
                <summary>{t('close.examples', { count: i.examples.length })}</summary>
                <ul className={classes.list}>{i.examples.map((x) => <li key={x}><bdi dir="ltr" className="qd-mono">{x}</bdi></li>)}</ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Running({ close: c }: { close: Close }) {
  const { t, i18n } = useTranslation('office-engine');
  const part = c.total > 0 ? Math.round((c.done / c.total) * 100) : 0;
  return (
    <Card title={c.state === 'running' ? t('close.running') : t('close.stuck')}>
      <Stack gap="xs">
        <Progress value={part} aria-label={t('close.progress')} animated={c.state === 'running'} />
        <p style={{ margin: 0 }} role="status">{t('close.doneOf', { done: number(i18n.language, c.done), total: number(i18n.language, c.total) })}</p>
        {c.state === 'stuck' && <Notice tone="warn">{t('close.stuckText')}</Notice>}
      </Stack>
    </Card>
  );
}

function Result({ close: c }: { close: Close }) {
  const { t, i18n } = useTranslation('office-engine');
  const r = c.result;
  const may = useCan('payouts.prepare');
  if (!r) return null;
  const money = (minor: number, currency: string) => <Money value={{ minor, currency }} />;
  return (
    <Cards min="24rem">
      {r.sums.map((s) => (
        <Card key={s.currency} title={t('close.sums', { currency: s.currency })}>
          <KeyValue
            items={[
              { label: t('close.closing'), value: money(s.closing_minor, s.currency) },
              { label: t('close.openLines'), value: money(s.open_minor, s.currency) },
              { label: t('close.payouts'), value: money(s.payouts_minor, s.currency) },
              { label: t('close.balance'), value: <Money strong value={{ minor: s.balance_minor, currency: s.currency }} /> },
            ]}
          />
        </Card>
      ))}
      <Card title={t('close.next')}>
        <Stack gap="xs">
          {Object.keys(r.proposed).length === 0 && <p className="qd-muted" style={{ margin: 0 }}>{t('close.nothingToPay')}</p>}
          {Object.entries(r.proposed).flatMap(([currency, ways]) =>
            Object.entries(ways).map(([way, sum]) => (
              <div key={currency + way} className={classes.propose}>
                <span>{statusText('payout_method', way)} · {t('batch.partners', { count: sum.count })} · {money(sum.net_minor, currency)}</span>
                {may && <Button size="compact-sm" component={Link} to={`/payout-batches/new?entity=${c.entity}&currency=${currency}&method=${way}&close=${c.id}` as never}>{t('close.prepareBatch')}</Button>}
              </div>
            )),
          )}
          {Object.entries(r.not_payable).flatMap(([currency, why]) => Object.entries(why).map(([code, count]) => <div key={currency + code} className="qd-muted">{currency} · {whyNot(code)}: {number(i18n.language, count)}</div>))}
        </Stack>
      </Card>
    </Cards>
  );
}

function Who({ close: c }: { close: Close }) {
  const { t } = useTranslation('office-engine');
  const name = useNames([c.made_by, c.run_by, c.signed_by]);
  const who = (id: string | null | undefined, us: number | null | undefined) => (id ? <><Named id={id} name={name(id)} /> · <When us={us ?? null} as="full" /></> : null);
  return (
    <KeyValue
      items={[
        { label: t('close.made'), value: who(c.made_by, c.made_at_us) },
        { label: t('close.ran'), value: who(c.run_by, c.run_at_us), optional: true },
        { label: t('close.finished'), value: c.finished_at_us ? <When us={c.finished_at_us} as="full" /> : null, optional: true },
        { label: t('close.statements'), value: c.statements },
        { label: t('close.signed'), value: who(c.signed_by, c.signed_at_us), optional: true },
        { label: t('id'), value: <CopyId id={c.id} /> },
      ]}
    />
  );
}

function Actions({ close: c, onDone }: { close: Close; onDone: () => void }) {
  const { t } = useTranslation(['office-engine', 'common']);
  const again = useWrite('post', '/api/v1/commission-closes');
  const run = useWrite('post', '/api/v1/commission-closes/{id}/run');
  const resume = useWrite('post', '/api/v1/commission-closes/{id}/resume');
  const sign = useWrite('post', '/api/v1/commission-closes/{id}/sign-off');
  const [dialog, setDialog] = useState<'run' | 'sign' | null>(null);
  const [accepted, setAccepted] = useState<readonly string[]>([]);
  const [failed, setFailed] = useState<unknown>(null);
  const blocking = c.checklist.filter((i) => !i.ok && i.blocks);
  const word = c.checklist.filter((i) => !i.ok && !i.blocks);
  const end = (act: Promise<unknown>, done: string) => void act.then(() => { setFailed(null); setDialog(null); say(done); onDone(); }, (e: unknown) => { setFailed(e); onDone(); });
  const open = (d: 'run' | 'sign') => { setFailed(null); setAccepted([]); setDialog(d); };
  const go = (reason: string) => end((c.state === 'stuck' ? resume : run).run({ path: { id: c.id }, body: { accept: [...accepted], reason } }), t('close.started'));
  return (
    <>
      {(c.state === 'checked' || c.state === 'stuck') && (
        <>
          <Disabled why={blocking.length > 0 ? t('close.refuses', { what: blocking.map((i) => itemText(i.code)).join(', ') }) : null}>
            <Button onClick={() => open('run')}>{c.state === 'stuck' ? t('close.resume') : t('close.run')}</Button>
          </Disabled>
          <Button variant="default" loading={again.busy} onClick={() => end(again.run({ body: { entity: c.entity, month: c.month } }), t('close.checked'))}>{t('close.checkAgain')}</Button>
        </>
      )}
      {c.state === 'done' && <Button onClick={() => open('sign')}>{t('close.sign')}</Button>}
      {failed !== null && dialog === null && <Notice tone="bad">{errorText(failed)}</Notice>}
      {word.length > 0 ? (
        <ReasonDialog opened={dialog === 'run'} onClose={() => setDialog(null)} title={t('close.run')} text={t('close.runText')} confirm={t('close.run')} busy={run.busy || resume.busy} error={failed} onConfirm={({ note }) => go(note)}>
          <Stack gap="xs">
            <p style={{ margin: 0 }}>{t('close.acceptText')}</p>
            {word.map((i) => <Checkbox key={i.code} label={`${itemText(i.code)} (${i.count})`} checked={accepted.includes(i.code)} onChange={(e) => setAccepted(e.currentTarget.checked ? [...accepted, i.code] : accepted.filter((x) => x !== i.code))} />)}
          </Stack>
        </ReasonDialog>
      ) : (
        <Dialog opened={dialog === 'run'} onClose={() => setDialog(null)} title={t('close.run')} locked={run.busy} footer={<><Button variant="default" onClick={() => setDialog(null)}>{t('common:cancel')}</Button><Button loading={run.busy || resume.busy} onClick={() => go('')}>{t('close.run')}</Button></>}>
          <p style={{ marginBlockStart: 0 }}>{t('close.runText')}</p>
          {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
        </Dialog>
      )}
      <ReasonDialog opened={dialog === 'sign'} onClose={() => setDialog(null)} title={t('close.sign')} text={t('close.signText')} note="optional" confirm={t('close.sign')} busy={sign.busy} error={failed} onConfirm={({ note }) => end(sign.run({ path: { id: c.id }, body: { remark: note } }), t('close.signedNow'))} />
    </>
  );
}
