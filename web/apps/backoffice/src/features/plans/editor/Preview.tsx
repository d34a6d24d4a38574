import { NumberInput, Stack, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Chip, errorText, Money, Notice } from '@qd/ui';
import { useEffect, useState } from 'react';
import { Formula } from '../../partners/Explanation';
import { methodOf, reasonOf } from '../../partners/words';
import classes from '../../settings/settings.module.css';
import { decimal, isDecimal, tidy, type PlanDoc } from './document';

interface Sample {
  symbol: string;
  product_group: string;
  lots: string;
  seconds: number;
  country: string;
  account_type: string;
  entity: string;
  levels: number;
}

// The moment does not matter to the sums, only that one is before the other.
const closed = Date.UTC(2026, 0, 15, 12);

function events(s: Sample, doc: PlanDoc, names: (level: number) => string) {
  const currency = doc.currency === 'account' ? 'USD' : doc.currency;
  const partners = Array.from({ length: s.levels }, (_, at) => ({ id: names(at + 1), currency, ...(at + 1 < s.levels ? { parent: names(at + 2) } : {}) }));
  return {
    format: 1,
    partners,
    clients: [{ id: 'client', partner: names(1) }],
    deals: [
      {
        ticket: '1', client: 'client', symbol: s.symbol, product_group: s.product_group, lots: s.lots, currency,
        opened_at: `${new Date(closed - s.seconds * 1000).toISOString().slice(0, 19)}Z`, at: `${new Date(closed).toISOString().slice(0, 19)}Z`,
        ...(s.country ? { country: s.country.toUpperCase() } : {}), ...(s.account_type ? { account_type: s.account_type } : {}), ...(s.entity ? { entity: s.entity } : {}),
      },
    ],
  };
}

/** A sample trade through the plan as it stands on the screen. Books nothing. */
export function Preview({ doc }: { doc: PlanDoc }) {
  const { t } = useTranslation('office-partners');
  const { run } = useWrite('post', '/api/v1/plans/preview', { touches: [] });
  const [s, setS] = useState<Sample>({ symbol: 'EURUSD', product_group: 'fx_majors', lots: '1.00', seconds: 3600, country: 'DE', account_type: '', entity: '', levels: 3 });
  const [answer, setAnswer] = useState<Schema<'CommissionPreview'> | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const sent = tidy({ ...doc, name: doc.name.trim() || 'preview', rules: (doc.rules ?? []).filter((r) => r.id.trim() && isDecimal(r.rate)) });
  // A plan without a rate is no plan to the server.
  const shares = sent.override?.method === 'percent_of_child' ? sent.override.levels : null;
  const whole = (sent.rules ?? []).length > 0 && (shares === null || (shares.length > 0 && shares.every(isDecimal))) && (sent.volume_factors ?? []).every((f) => isDecimal(f.factor));
  const ready = whole && s.symbol.trim() !== '' && isDecimal(s.lots) && /^([A-Za-z]{2})?$/.test(s.country);
  const body = { plan: sent, events: events(s, doc, (level) => t('plans.partnerAt', { level })) };
  const key = JSON.stringify(body);
  useEffect(() => {
    if (!ready) return;
    let gone = false;
    const timer = setTimeout(() => {
      run({ body: body as never }).then(
        (a) => { if (!gone) { setAnswer(a); setFailed(null); } },
        (e: unknown) => { if (!gone) setFailed(e); },
      );
    }, 350);
    return () => { gone = true; clearTimeout(timer); };
    // The key says all that is sent.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, ready]);
  return (
    <Card title={t('plans.preview')}>
      <Stack>
        <div className={classes.grid}>
          <TextInput label={t('col.symbol')} dir="ltr" value={s.symbol} onChange={(e) => setS({ ...s, symbol: e.currentTarget.value.toUpperCase() })} />
          <TextInput label={t('col.group')} dir="ltr" value={s.product_group} onChange={(e) => setS({ ...s, product_group: e.currentTarget.value })} />
          <TextInput label={t('col.lots')} inputMode="decimal" dir="ltr" value={s.lots} onChange={(e) => setS({ ...s, lots: decimal(e.currentTarget.value) })} />
          <NumberInput label={t('plans.secondsOpen')} min={0} allowDecimal={false} value={s.seconds} onChange={(v) => setS({ ...s, seconds: Number(v) || 0 })} />
          <TextInput label={t('plans.country')} dir="ltr" maxLength={2} value={s.country} onChange={(e) => setS({ ...s, country: e.currentTarget.value })} />
          <TextInput label={t('plans.accountType')} dir="ltr" value={s.account_type} onChange={(e) => setS({ ...s, account_type: e.currentTarget.value })} />
          <NumberInput label={t('plans.levels')} min={1} max={12} allowDecimal={false} value={s.levels} onChange={(v) => setS({ ...s, levels: Math.min(12, Math.max(1, Number(v) || 1)) })} />
        </div>
        <div role="status">
          {failed !== null && <Notice tone="warn">{errorText(failed)}</Notice>}
          {answer?.stopped.map((stop) => <Notice key={stop.deal} tone="warn"><bdi dir="ltr">{stop.cause}</bdi></Notice>)}
          {answer && answer.lines.length > 0 && (
            <table className={classes.lines}>
              <thead>
                <tr><th scope="col">{t('partner')}</th><th scope="col">{t('col.why')}</th><th scope="col">{t('col.amount')}</th></tr>
              </thead>
              <tbody>
                {answer.lines.map((l) => (
                  <tr key={`${l.partner}${l.level}`}>
                    <th scope="row">{l.partner}</th>
                    <td>
                      {l.reason ? <Chip tone="idle" label={reasonOf(l.reason)} /> : <><bdi dir="ltr"><Formula text={l.explanation.formula} /></bdi>{l.explanation.method && <span className="qd-muted"> · {methodOf(l.explanation.method)}</span>}</>}
                    </td>
                    <td><Money strong value={{ minor: l.minor, currency: l.currency }} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {answer && answer.totals.length > 0 && <p className="qd-muted">{t('plans.total')} <TotalOf lines={answer.lines} /></p>}
        </div>
      </Stack>
    </Card>
  );
}

function TotalOf({ lines }: { lines: Schema<'CommissionPreview'>['lines'] }) {
  const currency = lines[0]?.currency ?? 'USD';
  return <Money strong value={{ minor: lines.filter((l) => l.currency === currency).reduce((n, l) => n + BigInt(l.minor), 0n).toString(), currency }} />;
}
