import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { country, languageName, plain, useTranslation } from '@qd/i18n';
import { Card, dayEndUs, dayOf, ErrorState, Money, Notice, Page, StatusChip, statusText, useSearchState, useZone, Value, When, type StatusKind } from '@qd/ui';
import { IconPrinter } from '@tabler/icons-react';
import { useParams } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { actorText } from '../../lib/actor';
import { actionText } from '../audit/words';
import { ConsentState, consentKind } from './Consents';
import { lineBody, lineTitle } from './lines';
import { ProfileFacts } from './ProfileFacts';
import classes from './record.module.css';

const DateField = lazy(() => import('@qd/ui/form/DateField'));

interface Paid {
  id: string;
  amount: { minor: number; currency: string };
  state: string;
  method?: string;
  created_at_us?: number;
  requested_at_us?: number;
}
interface Booked {
  account: { currency: string; purpose: string };
  lines: { entry_id: string; seq: number; value_at_us: number; kind: string; minor: number; balance_minor: number }[];
}
interface Account {
  id: string;
  login: string | null;
  server: string;
  group: string;
  state: string;
  currency: string;
  leverage: number;
}

/** Everything the house knew about a client at the end of a day, on paper. Making it is written down. */
export function FilePage() {
  const { t, i18n } = useTranslation('office-record');
  const { id } = useParams({ strict: false }) as { id: string };
  const { zone } = useZone();
  const [search, set] = useSearchState();
  const today = dayOf(Date.now() * 1000, zone);
  const day = search.as_of && search.as_of < today ? search.as_of : null;
  const file = useApiQuery('/api/v1/clients/{id}/file', { path: { id }, query: { as_of: day ? String(dayEndUs(day, zone) - 1) : undefined } }, { live: 'off' });
  const f = file.data;
  return (
    <Page
      title={f ? t('file.title', { name: `${f.record.first_name} ${f.record.last_name}`.trim() }) : t('file.menu')}
      crumbs={[{ label: t('clients'), to: '/clients' }, { label: t('client'), to: `/clients/${id}` }]}
      width="wide"
      text={f && <>{t('file.asOf')} <When us={f.as_of_us} as="full" /> · {t('file.made')} <When us={f.made_at_us} as="full" /> · <bdi>{f.made_by}</bdi></>}
      actions={
        <div className={classes.tools}>
          <Group align="end" gap="xs">
            <Suspense fallback={null}>
              <DateField aria-label={t('file.day')} placeholder={t('file.now')} clearable maxDate={today} value={day} onChange={(v) => set({ as_of: v })} w={190} />
            </Suspense>
            <Button leftSection={<IconPrinter size={16} aria-hidden />} onClick={() => window.print()} disabled={!f}>{t('file.print')}</Button>
          </Group>
        </div>
      }
    >
      {file.error && !f ? <ErrorState error={file.error} onRetry={() => void file.refetch()} /> : f ? <Paper f={f} lang={i18n.language} /> : <Stack><Skeleton height={180} /><Skeleton height={320} /></Stack>}
    </Page>
  );
}

/** "Platform", or "Platform 2" for the second account of one purpose and currency: headings tell them apart. */
function numbered(all: readonly Booked[], at: number): string {
  const of = (b: Booked | undefined) => `${b?.account.purpose} ${b?.account.currency}`;
  const before = all.slice(0, at).filter((b) => of(b) === of(all[at])).length;
  const name = plain(all[at]?.account.purpose ?? '');
  return before > 0 ? `${name} ${before + 1}` : name;
}

function Paper({ f, lang }: { f: Schema<'ClientFile'>; lang: string }) {
  const { t } = useTranslation('office-record');
  const r = f.record;
  const part = (key: string) => t(`file.part.${key}` as never) as string;
  const money = (rows: readonly unknown[], kind: StatusKind) =>
    (rows as Paid[]).map((d) => [<When key="w" us={d.created_at_us ?? d.requested_at_us ?? null} as="full" />, <Money key="m" value={d.amount} />, <StatusChip key="s" kind={kind} value={d.state} />]);
  const paid = [t('col.at'), t('col.amount'), t('col.state')];
  return (
    <div className={classes.paper}>
      {f.as_now.length > 0 && <Notice tone="info">{t('file.asNow', { parts: f.as_now.map(part).join(' · ') })}</Notice>}
      {f.cut.length > 0 && <Notice tone="warn">{t('file.cut', { parts: f.cut.map(part).join(' · ') })}</Notice>}
      <Sheet
        title={t('contact.title')}
        head={[t('dup.what'), t('file.value')]}
        rows={[
          [t('contact.name'), <bdi key="v">{r.first_name} {r.last_name}</bdi>],
          [t('contact.email'), <bdi key="v" dir="ltr"><Value mask="contact">{r.email}</Value></bdi>],
          [t('contact.phone'), <bdi key="v" dir="ltr"><Value mask="contact">{r.phone}</Value></bdi>],
          [t('contact.born'), r.birth_date && /^\d{4}/.test(r.birth_date) ? <When key="v" us={Date.parse(r.birth_date) * 1000} as="date" /> : <Value key="v">{r.birth_date}</Value>],
          [t('contact.country'), country(lang, r.country)],
          [t('contact.nationality'), r.nationality ? country(lang, r.nationality) : '–'],
          [t('contact.language'), languageName(lang, r.language)],
          [t('dup.stage'), <StatusChip key="v" kind="stage" value={r.stage} />],
          [t('kyc.title'), <StatusChip key="v" kind="kyc" value={r.kyc_state} />],
          [t('came.created'), <When key="v" us={r.created_at_us} as="full" />],
        ]}
      />
      <Card title={t('profile.title')}>
        <ProfileFacts profile={f.profile} />
      </Card>
      <Sheet title={t('came.stages')} head={[t('col.at'), t('file.to'), t('file.by')]} rows={f.stages.map((s) => [<When key="w" us={s.at_us} as="full" />, statusText('stage', s.to), <bdi key="b">{actorText(s.by)}</bdi>])} />
      <Sheet title={t('consent.title')} head={[t('col.at'), t('file.what'), t('consent.version'), t('col.state')]} rows={f.consents.map((x) => [<When key="w" us={x.at_us} as="full" />, consentKind(x.kind), <bdi key="v" dir="ltr">{x.version}</bdi>, <ConsentState key="s" c={x} />])} />
      <Sheet title={t('file.restrictions')} head={[t('col.at'), t('restrictWhat'), t('partner.why'), t('file.by')]} rows={f.restrictions.map((x) => [<When key="w" us={x.at_us} as="full" />, statusText('restriction', x.kind), <span key="r" dir="auto"><Value>{x.reason}</Value></span>, <bdi key="b">{x.by_name}</bdi>])} />
      <Sheet title={t('accounts.title')} head={[t('accounts.type'), t('accounts.group'), t('accounts.leverage'), t('col.state')]} rows={(f.accounts as unknown as Account[]).map((a) => [<bdi key="a">{a.login ?? t('accounts.opening')} · {a.server} · {a.currency}</bdi>, <bdi key="g" dir="ltr">{a.group}</bdi>, `1:${a.leverage}`, <StatusChip key="s" kind="account" value={a.state} />])} />
      <Sheet title={t('money.deposits')} head={paid} rows={money(f.deposits, 'deposit')} />
      <Sheet title={t('money.withdrawals')} head={paid} rows={money(f.withdrawals, 'withdrawal')} />
      <Sheet title={t('file.transfers')} head={paid} rows={money(f.transfers, 'transfer')} />
      {(f.ledger as unknown as Booked[]).map((b, at, all) => (
        <Sheet
          key={at}
          title={t('file.ledger', { account: numbered(all, at), currency: b.account.currency })}
          head={[t('col.at'), t('file.booking'), t('col.amount'), t('accounts.balance')]}
          rows={b.lines.map((l) => [<When key="w" us={l.value_at_us} as="full" />, plain(l.kind), <Money key="m" value={{ minor: l.minor, currency: b.account.currency }} />, <Money key="b" value={{ minor: l.balance_minor, currency: b.account.currency }} />])}
        />
      ))}
      <Sheet title={t('file.notes')} head={[t('col.at'), t('file.by'), t('file.words')]} rows={[...f.notes, ...f.calls].sort((a, b) => b.at_us - a.at_us).map((n) => [<When key="w" us={n.at_us} as="full" />, <bdi key="b">{n.by_name}</bdi>, <span key="t" dir="auto">{n.body}</span>])} />
      <Sheet title={t('mails.title')} head={[t('col.at'), t('file.subject'), t('col.state')]} rows={f.mails.map((m) => [<When key="w" us={m.created_at_us} as="full" />, <span key="s" dir="auto">{m.subject ?? plain(m.template)}</span>, <StatusChip key="c" kind="mail" value={m.state} />])} />
      <Sheet title={t('tab.story')} head={[t('col.at'), t('file.what'), t('file.by')]} rows={f.timeline.map((l) => [<When key="w" us={l.at_us} as="full" />, <span key="t" dir="auto">{lineTitle(lang, l)}{lineBody(l) ? ` – ${lineBody(l)}` : ''}</span>, <bdi key="b">{actorText(l.by)}</bdi>])} />
      <Sheet title={t('file.audit')} head={[t('col.at'), t('file.what'), t('file.by'), t('partner.why')]} rows={f.audit.map((a) => [<When key="w" us={a.at_us} as="full" />, actionText(a.action), <bdi key="b">{actorText(a.actor_label)}</bdi>, <span key="r" dir="auto">{a.reason ?? '–'}</span>])} />
      {f.entity_rule_book && <p className="qd-muted">{t('file.rules', { entity: f.entity_rule_book.name, regulator: f.entity_rule_book.regulator, version: f.entity_rule_book.version })}</p>}
    </div>
  );
}

/** A table for paper: no columns to move, no page to turn. */
function Sheet({ title, head, rows }: { title: string; head: readonly string[]; rows: readonly (readonly ReactNode[])[] }) {
  const { t } = useTranslation('office-record');
  return (
    <Card title={title}>
      {rows.length === 0 ? (
        <p className="qd-muted" style={{ margin: 0 }}>{t('file.nothing')}</p>
      ) : (
        <div className={classes.wide} tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead><tr>{head.map((h) => <th key={h} scope="col">{h}</th>)}</tr></thead>
            <tbody>{rows.map((row, at) => <tr key={at}>{row.map((cell, n) => <td key={n}>{cell}</td>)}</tr>)}</tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
