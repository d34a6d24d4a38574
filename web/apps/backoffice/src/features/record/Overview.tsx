import { Anchor, Button, Stack } from '@mantine/core';
import { useWrite, type Answer } from '@qd/api';
import { number, plain, serverText, hasText, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, CopyId, errorText, KeyValue, Money, Notice, ReasonDialog, say, StatusChip, statusText, Value, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { reasonOf } from '../partners/words';
import { AmlNotes } from './AmlNotes';
import { Consents } from './Consents';
import { Duplicates } from './Duplicates';
import { PartnerChange } from './PartnerChange';

export type ClientRecord = Answer<'get', '/api/v1/clients/{id}'>;

/** What a verification still needs; fields an entity added of its own have words here. */
function missingText(code: string): string {
  const field = `profile.field.${code.replace(/^profile\./, '')}`;
  return hasText('office-record', field) ? serverText('office-record', field) : statusText('missing' as never, code);
}

/** Why the partner earns with this client, or does not. */
const partnerWhy = (code: string): string => (hasText('office-record', `partner.reason.${code}`) ? serverText('office-record', `partner.reason.${code}`) : reasonOf(code));

/** The questions everybody asks, answered without leaving the page. */
export function Overview({ record: r, onChanged, onAml }: { record: ClientRecord; onChanged: () => void; onAml: () => void }) {
  const { t, i18n } = useTranslation('office-record');
  const lang = i18n.language;
  const can = { merge: useCan('clients.merge'), partner: useCan('partners.manage'), aml: useCan('aml.view'), amlWrite: useCan('aml.write') };
  const [moving, setMoving] = useState(false);
  const mayRestrict = useCan('accounts.restrict');
  const lift = useWrite('post', '/api/v1/clients/{id}/restrictions/{restriction}/lift');
  const close = useWrite('patch', '/api/v1/tasks/{id}');
  const [lifting, setLifting] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const c = r.client;
  const why = (code: string) => (hasText('status', `reason.${code}`) ? serverText('status', `reason.${code}`) : plain(code));
  return (
    <Stack>
      {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      {c.restrictions.map((x) => (
        <Notice key={x.id} tone="warn">
          <strong>{statusText('restriction', x.kind)}</strong> · <span dir="auto"><Value>{x.reason}</Value></span> · <bdi>{x.by_name}</bdi> · <When us={x.at_us} />{' '}
          {mayRestrict && <Button size="compact-sm" variant="default" onClick={() => setLifting(x.id)}>{t('lift')}</Button>}
        </Notice>
      ))}
      {c.duplicates_open > 0 && !can.merge && <Notice tone="warn">{t('duplicates', { count: c.duplicates_open })}</Notice>}
      {c.merged_into && (
        <Notice tone="info">
          {t('dup.mergedInto')} <Anchor component={Link} to={`/clients/${c.merged_into}` as never} inherit>{t('dup.openOther')}</Anchor>
        </Notice>
      )}
      {can.merge && <Duplicates c={c} entity={r.entity.name} onChanged={onChanged} />}
      <Cards min="20rem">
        {r.kyc && (
          <Card title={t('kyc.title')} actions={<StatusChip kind="kyc" value={r.kyc.state ?? 'none'} />}>
            <KeyValue
              items={[
                { label: t('kyc.level'), value: r.kyc.level ? statusText('level', r.kyc.level) : null, optional: true },
                { label: t('kyc.since'), value: r.kyc.approved_at_us ? <When us={r.kyc.approved_at_us} as="full" /> : null, optional: true },
                { label: t('kyc.age'), value: r.kyc.age_days == null ? null : <>{t('days', { count: r.kyc.age_days })} {r.kyc.stale && <Chip tone="warn" label={t('kyc.stale')} />}</>, optional: true },
                { label: t('kyc.missing'), value: r.kyc.missing.length > 0 ? r.kyc.missing.map(missingText).join(' · ') : t('nothing') },
                { label: t('kyc.risk'), value: r.kyc.risk?.band ? <>{statusText('band', r.kyc.risk.band)}{r.kyc.risk.score != null && ` · ${number(lang, r.kyc.risk.score)}`}</> : null, optional: true },
              ]}
            />
            {r.kyc.case_id && <Anchor component={Link} to={`/kyc/${r.kyc.case_id}` as never}>{t('kyc.open')}</Anchor>}
          </Card>
        )}
        {r.money && (
          <Card title={t('money.title')}>
            {r.money.length === 0 ? (
              <p className="qd-muted">{t('money.none')}</p>
            ) : (
              r.money.map((m) => (
                <KeyValue
                  key={m.currency}
                  items={[
                    { label: t('money.available'), value: <Money value={{ minor: m.available_minor, currency: m.currency }} /> },
                    m.held_minor !== 0 && { label: t('money.held'), value: <Money value={{ minor: m.held_minor, currency: m.currency }} /> },
                    m.on_its_way_minor !== 0 && { label: t('money.onItsWay'), value: <Money value={{ minor: m.on_its_way_minor, currency: m.currency }} /> },
                    m.paying_out_minor !== 0 && { label: t('money.payingOut'), value: <Money value={{ minor: m.paying_out_minor, currency: m.currency }} /> },
                  ]}
                />
              ))
            )}
            {r.first_deposit && (
              <KeyValue
                items={[
                  { label: t('ftd'), value: <><Money value={r.first_deposit.amount} /> · <When us={r.first_deposit.at_us} /></> },
                  { label: t('psp'), value: <bdi>{r.first_deposit.connection}</bdi> },
                  { label: t('pspRef'), value: r.first_deposit.provider_ref ? <CopyId id={r.first_deposit.provider_ref} /> : null, optional: true },
                ]}
              />
            )}
          </Card>
        )}
        {r.partner && (
          <Card title={t('partner.title')} actions={<Chip tone={r.partner.eligible ? 'good' : 'idle'} label={r.partner.eligible ? t('partner.earns') : t('partner.earnsNot')} />}>
            <KeyValue
              items={[
                { label: t('partner.who'), value: r.partner.partner ? <Anchor component={Link} to={`/partners/${r.partner.partner}` as never}><bdi>{r.partner.partner_name}</bdi></Anchor> : t('partner.none') },
                { label: t('partner.plan'), value: r.partner.plan ? <bdi>{t('partner.planVersion', { plan: r.partner.plan, version: r.partner.plan_version ?? 1 })}</bdi> : null, optional: true },
                { label: t('partner.why'), value: partnerWhy(r.partner.reason_code) },
              ]}
            />
            {can.partner && <div><Button size="compact-sm" variant="default" onClick={() => setMoving(true)}>{t('partner.change')}</Button></div>}
          </Card>
        )}
        {c.same_person.length > 0 && (
          <Card title={t('same.title')}>
            <KeyValue items={c.same_person.map((x) => ({ label: <bdi>{x.brand} · {x.entity}</bdi>, value: <Anchor component={Link} to={`/clients/${x.id}` as never}>{t('same.open')}</Anchor> }))} />
          </Card>
        )}
        {can.aml && <AmlNotes id={c.id} onAdd={can.amlWrite ? onAml : undefined} />}
        {r.accounts && (
          <Card title={t('accounts.title')}>
            {r.accounts.length === 0 ? (
              <p className="qd-muted">{t('accounts.none')}</p>
            ) : (
              <KeyValue
                items={r.accounts.map((a) => ({
                  label: <bdi>{a.login ?? t('accounts.opening')} · {a.server}</bdi>,
                  value: (
                    <>
                      {a.reading ? <Money value={{ minor: a.reading.balance_minor, currency: a.reading.currency }} /> : '–'} <StatusChip kind="sync" value={a.sync.state} />
                      {a.rights !== 'full' && <StatusChip kind="trading_rights" value={a.rights} />}
                    </>
                  ),
                }))}
              />
            )}
          </Card>
        )}
        {r.failed_deposits && r.failed_deposits.length > 0 && (
          <Card title={t('failed.title')}>
            <KeyValue
              items={r.failed_deposits.map((d) => ({
                label: <><Money value={d.amount} /> · <When us={d.at_us} /></>,
                value: <><StatusChip kind="deposit" value={d.state} /> {d.failure_code ? why(d.failure_code) : null} · <Anchor component={Link} to={`/deposits/${d.id}` as never}>{t('open')}</Anchor></>,
              }))}
            />
          </Card>
        )}
        <Card title={t('tasks.title')}>
          {c.open_tasks.length === 0 ? (
            <p className="qd-muted">{t('tasks.none')}</p>
          ) : (
            <KeyValue
              items={c.open_tasks.map((task) => ({
                label: <span dir="auto">{task.title}</span>,
                value: (
                  <>
                    <When us={task.due_at_us} />{' '}
                    <Button
                      size="compact-sm"
                      variant="default"
                      loading={close.busy}
                      onClick={() => {
                        close.run({ path: { id: task.id }, body: { done: t('tasks.doneWord'), version: task.version } }).then(
                          () => { say(t('tasks.closed')); onChanged(); },
                          (e: unknown) => setFailed(e),
                        );
                      }}
                    >
                      {t('tasks.done')}
                    </Button>
                  </>
                ),
              }))}
            />
          )}
        </Card>
        <Card title={t('came.title')}>
          <KeyValue
            items={[
              { label: t('came.first'), value: c.first_touch ? <><bdi>{[c.first_touch.source, c.first_touch.campaign].filter(Boolean).join(' · ') || t('came.direct')}</bdi> · <When us={c.first_touch.at_us} /></> : null },
              { label: t('came.last'), value: c.last_touch ? <><bdi>{[c.last_touch.source, c.last_touch.campaign].filter(Boolean).join(' · ') || t('came.direct')}</bdi> · <When us={c.last_touch.at_us} /></> : null },
              { label: t('came.language'), value: c.first_touch?.landing_language || null, optional: true },
              { label: t('came.page'), value: c.first_touch?.landing_page ? <bdi dir="ltr">{c.first_touch.landing_page}</bdi> : null, optional: true },
              { label: t('came.stages'), value: c.stages.map((s) => statusText('stage', s.to)).reverse().join(' → ') },
              { label: t('came.status'), value: <StatusChip kind="lead_status" value={c.status} /> },
              { label: t('came.created'), value: <When us={c.created_at_us} as="full" /> },
              { label: t('came.activity'), value: <When us={c.activity_at_us} /> },
            ]}
          />
        </Card>
        <Consents id={c.id} />
      </Cards>
      {moving && <PartnerChange record={r} onClose={() => setMoving(false)} onDone={() => { setMoving(false); onChanged(); }} />}
      <ReasonDialog
        opened={lifting !== null}
        onClose={() => setLifting(null)}
        title={t('liftTitle')}
        text={t('liftText')}
        confirm={t('lift')}
        busy={lift.busy}
        error={failed}
        onConfirm={({ note }) => {
          lift.run({ path: { id: c.id, restriction: lifting ?? '' }, body: { reason: note } }).then(
            () => { setLifting(null); setFailed(null); say(t('lifted')); onChanged(); },
            (e: unknown) => setFailed(e),
          );
        }}
      />
    </Stack>
  );
}
