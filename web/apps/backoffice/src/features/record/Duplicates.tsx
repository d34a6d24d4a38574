import { Anchor, Button, Group, Radio, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row } from '@qd/api';
import { country, useTranslation } from '@qd/i18n';
import { Card, Disabled, ErrorState, Notice, ReasonDialog, say, StatusChip, statusText, Value, When } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { actorText } from '../../lib/actor';
import { Named, useNames } from '../../lib/names';
import type { ClientRecord } from './Overview';
import { RestingLogins } from './RestingLogins';
import classes from './record.module.css';

type Duplicate = Row<'/api/v1/duplicates'>;
type Side = ClientRecord['client'];

/** Other records that may be the same person: decided here, and taken back here. */
export function Duplicates({ c, entity, onChanged }: { c: Side; entity: string; onChanged: () => void }) {
  const { t } = useTranslation('office-record');
  const list = useCursorPages('/api/v1/duplicates', { query: { client_id: c.id, limit: 20 } });
  const dismiss = useWrite('post', '/api/v1/duplicates/{id}/dismiss');
  const undo = useWrite('post', '/api/v1/duplicates/{id}/undo');
  const [open, setOpen] = useState<{ kind: 'merge' | 'dismiss' | 'undo'; d: Duplicate } | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const otherOf = (d: Duplicate) => (d.first_id === c.id ? d.second_id : d.first_id);
  const name = useNames(list.rows.flatMap((d) => [otherOf(d), d.decided_by]));
  if (list.error && list.rows.length === 0) return <Card title={t('dup.title')}><ErrorState error={list.error} onRetry={() => void list.refetch()} /></Card>;
  if (list.rows.length === 0) return null;
  const close = () => {
    setOpen(null);
    setFailed(null);
  };
  const done = (text: string) => {
    close();
    say(text);
    onChanged();
  };
  const show = (kind: 'merge' | 'dismiss' | 'undo', d: Duplicate) => {
    setFailed(null);
    setOpen({ kind, d });
  };
  return (
    <Card title={t('dup.title')}>
      <ul className={classes.dups}>
        {list.rows.map((d) => {
          const other = otherOf(d);
          return (
            <li key={d.id}>
              <Group gap="xs">
                <Anchor component={Link} to={`/clients/${other}` as never}><Named id={other} name={name(other)} /></Anchor>
                <StatusChip kind="duplicate" value={d.state} />
              </Group>
              <p className="qd-muted">
                {d.reasons.map((r) => statusText('mark', r.mark)).join(' · ')} · <When us={d.created_at_us} />
              </p>
              {d.decided_at_us && d.state !== 'open' && (
                <p className="qd-muted">
                  {t('dup.decided')} <When us={d.decided_at_us} /> · {name(d.decided_by) ? <bdi>{name(d.decided_by)}</bdi> : <bdi>{actorText(d.decided_by ?? 'system')}</bdi>}
                  {d.note && <> · <span dir="auto">{d.note}</span></>}
                </p>
              )}
              {d.state === 'merged' && <RestingLogins duplicate={d.id} />}
              <Group gap="xs">
                {d.state === 'open' && <Button size="compact-sm" onClick={() => show('merge', d)}>{t('dup.compare')}</Button>}
                {d.state === 'open' && <Button size="compact-sm" variant="default" onClick={() => show('dismiss', d)}>{t('dup.dismiss')}</Button>}
                {(d.state === 'merged' || d.state === 'linked') && <Button size="compact-sm" variant="default" onClick={() => show('undo', d)}>{t('dup.undo')}</Button>}
              </Group>
            </li>
          );
        })}
      </ul>
      {list.hasMore && <Button variant="default" loading={list.loadingMore} onClick={() => list.more()}>{t('dup.more')}</Button>}
      {open?.kind === 'merge' && <MergeDialog key={open.d.id} d={open.d} mine={c} entity={entity} otherId={otherOf(open.d)} onClose={close} onDone={done} />}
      <ReasonDialog
        opened={open?.kind === 'dismiss'}
        onClose={close}
        title={t('dup.dismissTitle')}
        text={t('dup.dismissText')}
        confirm={t('dup.dismiss')}
        busy={dismiss.busy}
        error={failed}
        onConfirm={({ note }) => {
          dismiss.run({ path: { id: open?.d.id ?? '' }, body: { reason: note } }).then(() => done(t('dup.dismissed')), (e: unknown) => setFailed(e));
        }}
      />
      <ReasonDialog
        opened={open?.kind === 'undo'}
        onClose={close}
        title={t('dup.undoTitle')}
        text={t('dup.undoText')}
        confirm={t('dup.undo')}
        busy={undo.busy}
        error={failed}
        onConfirm={({ note }) => {
          undo.run({ path: { id: open?.d.id ?? '' }, body: { reason: note } }).then(() => done(t('dup.undone')), (e: unknown) => setFailed(e));
        }}
      />
    </Card>
  );
}

/** Both records side by side, and which of them stays; nothing is written before the reason is said. */
function MergeDialog({ d, mine, entity, otherId, onClose, onDone }: { d: Duplicate; mine: Side; entity: string; otherId: string; onClose: () => void; onDone: (text: string) => void }) {
  const { t, i18n } = useTranslation('office-record');
  const lang = i18n.language;
  const other = useApiQuery('/api/v1/clients/{id}', { path: { id: otherId } });
  const merge = useWrite('post', '/api/v1/duplicates/{id}/merge');
  const [chosen, setChosen] = useState<string | null>(null);
  const theirs = other.data?.client;
  const two = theirs ? [mine, theirs] : [];
  // Money stays where it is: a record that has some cannot be the one that goes.
  const funded = two.filter((s) => s.first_deposit_at_us !== null || s.stage === 'funded');
  const link = !!theirs && theirs.entity !== mine.entity;
  const both = !link && funded.length === 2;
  const suggested = funded[0]?.id ?? (theirs && theirs.created_at_us < mine.created_at_us ? theirs.id : mine.id);
  const survivor = chosen ?? suggested;
  const goer = two.find((s) => s.id !== survivor);
  const blocked = !link && !!goer && funded.includes(goer);
  const rows: readonly (readonly [string, (s: Side) => string | number | null | undefined, (s: Side) => ReactNode])[] = [
    [t('contact.name'), (s) => s.name, (s) => <bdi>{s.name}</bdi>],
    [t('contact.email'), (s) => s.email, (s) => <bdi dir="ltr"><Value mask="contact">{s.email}</Value></bdi>],
    [t('contact.phone'), (s) => s.phone, (s) => <bdi dir="ltr"><Value mask="contact">{s.phone}</Value></bdi>],
    [t('contact.born'), (s) => s.birth_date, (s) => (s.birth_date && /^\d{4}/.test(s.birth_date) ? <When us={Date.parse(s.birth_date) * 1000} as="date" /> : <Value>{s.birth_date}</Value>)],
    [t('contact.country'), (s) => s.country, (s) => country(lang, s.country)],
    [t('contact.brand'), (s) => s.brand, (s) => s.brand],
    [t('dup.entity'), (s) => s.entity, (s) => (s.id === mine.id ? entity : other.data?.entity.name)],
    [t('dup.stage'), (s) => s.stage, (s) => <StatusChip kind="stage" value={s.stage} />],
    [t('dup.kyc'), (s) => s.kyc_state, (s) => <StatusChip kind="kyc" value={s.kyc_state} />],
    [t('assign.owner'), (s) => s.owner_id, (s) => s.owner_name ? <bdi>{s.owner_name}</bdi> : t('assign.nobody')],
    [t('ftd'), (s) => s.first_deposit_at_us, (s) => <When us={s.first_deposit_at_us} />],
    [t('came.created'), (s) => s.created_at_us, (s) => <When us={s.created_at_us} as="date" />],
  ];
  return (
    <ReasonDialog
      opened
      size="lg"
      onClose={onClose}
      title={link ? t('dup.linkTitle') : t('dup.mergeTitle')}
      text={link ? t('dup.linkText') : t('dup.mergeText')}
      confirm={link ? t('dup.link') : t('dup.merge')}
      busy={merge.busy || !theirs || blocked || both}
      error={merge.error}
      onConfirm={({ note }) => {
        if (!theirs || blocked || both) return;
        merge.run({ path: { id: d.id }, body: { survivor_id: survivor, reason: note } }).then(
          () => onDone(link ? t('dup.linked') : t('dup.merged')),
          () => {
            // Shown by the dialog.
          },
        );
      }}
    >
      {other.error && !theirs ? (
        <ErrorState error={other.error} onRetry={() => void other.refetch()} />
      ) : !theirs ? (
        <Notice tone="info">…</Notice>
      ) : (
        <Stack gap="sm">
          <Radio.Group label={t('dup.stays')} value={survivor} onChange={setChosen}>
            <Stack gap={6} mt={4}>
              {two.map((s) => {
                const stuck = !link && funded.some((f) => f.id !== s.id) && !funded.includes(s);
                return (
                  <Disabled key={s.id} why={stuck ? t('dup.funded') : null}>
                    <Radio value={s.id} disabled={stuck} label={s.id === mine.id ? t('dup.thisOne', { name: s.name }) : t('dup.otherOne', { name: s.name })} />
                  </Disabled>
                );
              })}
            </Stack>
          </Radio.Group>
          <table className={classes.compare}>
            <caption className="qd-hidden">{t('dup.compare')}</caption>
            <thead>
              <tr>
                <th scope="col"><span className="qd-hidden">{t('dup.what')}</span></th>
                {two.map((s) => (
                  <th key={s.id} scope="col">{s.id === survivor ? t('dup.keeps') : t('dup.goes')}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(([label, value, show]) => (
                <tr key={label} data-differs={value(mine) !== value(theirs) || undefined}>
                  <th scope="row">{label}</th>
                  {two.map((s) => <td key={s.id}>{show(s)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
          {both && <Notice tone="warn">{t('dup.bothFunded')}</Notice>}
        </Stack>
      )}
    </ReasonDialog>
  );
}
