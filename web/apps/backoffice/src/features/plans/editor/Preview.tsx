import { NumberInput, Stack, TextInput } from '@mantine/core';
import type { Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Chip, errorText, Money, Notice, Price, statusText } from '@qd/ui';
import { Steps } from '../../partners/Formula';
import { boundTo, methodOf, reasonOf, testedOf, wantedOf } from '../../partners/words';
import { decimal } from './document';
import { faultText, fieldName, useEditing } from './editing';
import { asksOf, type Sample } from './sample';
import classes from './editor.module.css';

type Answer = Schema<'CommissionPreview'>;
type Line = Answer['lines'][number];
type Candidate = Schema<'RuleCandidate'>;

/** A sample trade through the plan as it stands on the screen. Books nothing. */
export function Preview({ sample: s, onSample, answer, failed }: { sample: Sample; onSample: (s: Sample) => void; answer: Answer | null; failed: unknown }) {
  const { t } = useTranslation(['office-plans', 'office-partners']);
  const { doc, faults, warnings } = useEditing();
  const lines = answer?.lines.filter((l) => !l.deal.endsWith('1')) ?? [];
  const set = (part: Partial<Sample>) => onSample({ ...s, ...part });
  const asks = asksOf(doc);
  const tiers = (doc.tiers ?? []).length > 0 || !!doc.caps?.per_client_month;
  return (
    <Card title={t('office-partners:plans.preview')}>
      <Stack>
        <div className={classes.sample}>
          <TextInput label={t('office-partners:col.symbol')} dir="ltr" value={s.symbol} onChange={(e) => set({ symbol: e.currentTarget.value.toUpperCase() })} />
          <TextInput label={t('office-partners:col.group')} dir="ltr" value={s.product_group} onChange={(e) => set({ product_group: e.currentTarget.value })} />
          <TextInput label={t('office-partners:col.lots')} inputMode="decimal" dir="ltr" value={s.lots} onChange={(e) => set({ lots: decimal(e.currentTarget.value) })} />
          {tiers && <TextInput label={t('before')} inputMode="decimal" dir="ltr" value={s.before} onChange={(e) => set({ before: decimal(e.currentTarget.value) })} />}
          <NumberInput label={t('office-partners:plans.secondsOpen')} min={0} allowDecimal={false} value={s.seconds} onChange={(v) => set({ seconds: Number(v) || 0 })} />
          <TextInput label={t('office-partners:plans.country')} dir="ltr" maxLength={2} value={s.country} onChange={(e) => set({ country: e.currentTarget.value })} />
          <TextInput label={t('office-partners:plans.accountType')} dir="ltr" value={s.account_type} onChange={(e) => set({ account_type: e.currentTarget.value })} />
          {asks.pip && <TextInput label={t('pipSize')} inputMode="decimal" dir="ltr" value={s.pip} onChange={(e) => set({ pip: decimal(e.currentTarget.value) })} />}
          {asks.contract && <TextInput label={t('contract')} inputMode="decimal" dir="ltr" value={s.contract} onChange={(e) => set({ contract: decimal(e.currentTarget.value) })} />}
          {asks.spread && <TextInput label={t('bid')} inputMode="decimal" dir="ltr" value={s.bid} onChange={(e) => set({ bid: decimal(e.currentTarget.value) })} />}
          {asks.spread && <TextInput label={t('ask')} inputMode="decimal" dir="ltr" value={s.ask} onChange={(e) => set({ ask: decimal(e.currentTarget.value) })} />}
          {asks.spread && <TextInput label={t('usualSpread')} inputMode="decimal" dir="ltr" value={s.average} onChange={(e) => set({ average: decimal(e.currentTarget.value) })} />}
          {asks.markup && <TextInput label={t('markupPrice')} inputMode="decimal" dir="ltr" value={s.markup} onChange={(e) => set({ markup: decimal(e.currentTarget.value) })} />}
          {asks.commission && <TextInput label={t('charged')} inputMode="decimal" dir="ltr" value={s.commission} onChange={(e) => set({ commission: decimal(e.currentTarget.value) })} />}
          <NumberInput label={t('office-partners:plans.levels')} min={1} max={12} allowDecimal={false} value={s.levels} onChange={(v) => set({ levels: Math.min(12, Math.max(1, Number(v) || 1)) })} />
        </div>
        <div role="status">
          {faults.size > 0 ? (
            <Notice tone="warn">
              {t('faults', { count: faults.size })}
              <ul>{[...faults.values()].slice(0, 6).map((f) => <li key={f.pointer + f.code}><strong>{placeOf(f.pointer)}</strong> {faultText(f, doc)}</li>)}</ul>
            </Notice>
          ) : (
            failed !== null && <Notice tone="warn">{errorText(failed)}</Notice>
          )}
          {warnings.size > 0 && (
            <Notice tone="warn">
              <ul>{[...warnings.values()].map((f) => <li key={f.pointer + f.code}><strong>{placeOf(f.pointer)}</strong> {faultText(f, doc)}</li>)}</ul>
            </Notice>
          )}
          {answer?.stopped.map((stop) => <Notice key={stop.deal} tone="warn">{t('stopped')} <bdi dir="ltr">{stop.cause}</bdi></Notice>)}
          {lines.length > 0 && <ul className={classes.plainList} aria-label={t('office-partners:plans.preview')}>{lines.map((l, at) => <LineOf key={at} line={l} />)}</ul>}
          {lines.length > 0 && <p className={classes.sum}><span>{t('office-partners:plans.total')}</span><Total lines={lines} /></p>}
        </div>
        {lines[0]?.explanation.rule && <Precedence winner={lines[0].explanation.rule} losing={lines[0].explanation.losing ?? []} />}
      </Stack>
    </Card>
  );
}

/** A pointer as the way a reader would say it: the names of its fields, rows counted from one. */
function placeOf(pointer: string): string {
  const steps = pointer.split('/').filter(Boolean).map((s) => (/^\d+$/.test(s) ? Number(s) : s));
  const row = steps.find((s) => typeof s === 'number');
  return `${fieldName(steps)}${row === undefined ? '' : ` ${Number(row) + 1}`}:`;
}

function LineOf({ line: l }: { line: Line }) {
  const { t } = useTranslation('office-plans');
  const e = l.explanation;
  const more = l as unknown as { kind?: string; client?: string };
  // A rebate is paid out of a partner's earnings to the client; a true-up makes up for trades before.
  const who = more.client ? t('toClient') : more.kind === 'true_up' ? t('trueUp', { who: l.partner }) : l.partner;
  const stopped = (e.tested ?? []).at(-1);
  return (
    <li className={classes.line} aria-label={who}>
      <p className={classes.lineHead}><strong>{who}</strong><Money strong value={{ minor: l.minor, currency: l.currency }} /></p>
      <p className="qd-muted">
        {l.reason ? <><Chip tone="idle" label={reasonOf(l.reason)} />{stopped && <> {testedOf(stopped.what)} <bdi dir="ltr">{stopped.value}</bdi>{stopped.wanted && <> · {wantedOf(stopped.wanted)}</>}</>}</> : <><Steps explanation={e} />{e.method && <> · {methodOf(e.method)}</>}</>}
      </p>
    </li>
  );
}

/** All rules that fitted the trade, in the order in which they were preferred. */
function Precedence({ winner, losing }: { winner: Candidate; losing: readonly Candidate[] }) {
  const { t } = useTranslation('office-plans');
  return (
    <section>
      <h3 style={{ fontSize: '1rem', marginBlock: '0 0.25rem' }}>{t('precedence')}</h3>
      <p className="qd-muted" style={{ margin: 0 }}>{t('precedenceNote')}</p>
      <ol className={classes.order}>
        {[winner, ...losing].map((c, at) => (
          <li key={at}>
            <span><bdi dir="ltr">{at === 0 ? <strong>{c.rule}</strong> : c.rule}</bdi> <span className="qd-muted">{statusText('plan_rank', c.rank)} · {boundTo(c.specificity)}</span></span>
            {at === 0 ? <Chip tone="good" label={t('wins')} /> : <Price value={c.rate} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Total({ lines }: { lines: readonly Line[] }) {
  const currency = lines[0]?.currency ?? 'USD';
  return <Money strong value={{ minor: lines.filter((l) => l.currency === currency).reduce((n, l) => n + BigInt(l.minor), 0n).toString(), currency }} />;
}
