import { useApiQuery } from '@qd/api';
import { duration, number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, DataTable, ErrorState, Figure, Money, moneyText, useNow, useSearchState, When, type Column } from '@qd/ui';
import type { components } from '@qd/api';
import { useMemo } from 'react';

type Standing = components['schemas']['ReconciliationStanding'];

const AGES = ['day', 'three', 'week', 'month', 'older'] as const;

/** How each connection and server stands, by currency; the worst use of the budget first. */
export function Standings() {
  const { t, i18n } = useTranslation('office-recon');
  const lang = i18n.language;
  const [, set] = useSearchState();
  const now = useNow();
  const all = useApiQuery('/api/v1/reconciliation/overview', {});
  const rows = useMemo(() => [...(all.data?.items ?? [])].sort((a, b) => used(b) - used(a) || b.breaks - a.breaks || b.waiting - a.waiting), [all.data]);
  const columns = useMemo<readonly Column<Standing>[]>(
    () => [
      { id: 'party', header: t('party'), width: 210, fixed: true, cell: (s) => <bdi>{s.party}</bdi> },
      { id: 'side', header: t('side'), width: 150, cell: (s) => t(`sides.${s.side}`) },
      { id: 'entity', header: t('entity'), width: 90, cell: (s) => <bdi>{s.entity.toUpperCase()}</bdi> },
      { id: 'breaks', header: t('open'), width: 150, align: 'number', cell: (s) => number(lang, s.breaks) },
      { id: 'sum', header: t('differences'), width: 150, align: 'number', card: 'side', cell: (s) => <Money value={{ minor: s.break_minor, currency: s.currency }} /> },
      {
        id: 'budget',
        header: t('budget'),
        width: 270,
        cell: (s) => (
          <span style={{ display: 'inline-flex', gap: '0.5rem', alignItems: 'center', flexWrap: 'wrap' }}>
            <Chip size="sm" tone={used(s) > 1 ? 'bad' : used(s) > 0.7 ? 'warn' : 'good'} label={number(lang, used(s), { style: 'percent', maximumFractionDigits: 0 })} />
            <span className="qd-muted">{t('budgetOf', { used: moneyText(lang, { minor: s.drift_minor_days, currency: s.currency }, { bare: true }), limit: moneyText(lang, { minor: s.limit_minor_days, currency: s.currency }) })}</span>
          </span>
        ),
      },
      ...AGES.map((age, at): Column<Standing> => ({ id: age, header: t(`age.${age}`), width: 105, align: 'number', cell: (s) => (s.by_age[at] ? number(lang, s.by_age[at]) : <span className="qd-muted">–</span>) })),
      { id: 'waiting', header: t('waiting'), width: 140, align: 'number', cell: (s) => number(lang, s.waiting) },
      { id: 'waitingSum', header: t('waitingSum'), width: 160, align: 'number', cell: (s) => <Money value={{ minor: s.waiting_minor, currency: s.currency }} /> },
      { id: 'oldest', header: t('oldest'), width: 160, cell: (s) => <When us={s.oldest_waiting_us} /> },
    ],
    [t, lang],
  );
  if (all.error && !all.data) return <ErrorState error={all.error} onRetry={() => void all.refetch()} />;
  const oldest = Math.min(...rows.flatMap((s) => (s.oldest_waiting_us ? [s.oldest_waiting_us] : [])));
  return (
    <>
      <Cards min="10rem">
        <Figure label={t('open')} value={all.data ? number(lang, sum(rows, (s) => s.breaks)) : '–'} />
        <Figure label={t('overBudget')} value={all.data ? number(lang, rows.filter((s) => used(s) > 1).length) : '–'} note={t('overBudgetNote')} />
        <Figure label={t('waiting')} value={all.data ? number(lang, sum(rows, (s) => s.waiting)) : '–'} note={t('waitingNote')} />
        <Figure label={t('oldest')} value={Number.isFinite(oldest) ? duration(lang, (now * 1000 - oldest) / 1_000_000) : '–'} />
      </Cards>
      <Card title={t('standing')} flush>
        <DataTable
          id="recon-standing"
          inline
          label={t('standing')}
          columns={columns}
          rows={all.data ? rows : undefined}
          rowId={(s) => `${s.side}-${s.party}-${s.currency}`}
          loading={all.isPending}
          onOpen={(s) => set({ tab: 'breaks', party: s.party, state: 'open' })}
          rowTone={(s) => (used(s) > 1 ? 'bad' : undefined)}
          empty={{ title: t('noParties'), text: t('noPartiesText') }}
        />
      </Card>
      <p className="qd-muted">{t('budgetText')}</p>
    </>
  );
}

/** How much of what may be open is: 1 is all of it. For a colour and a percentage only. */
const used = (s: Standing): number => (s.limit_minor_days > 0 ? s.drift_minor_days / s.limit_minor_days : s.drift_minor_days > 0 ? 2 : 0);
const sum = (rows: readonly Standing[], pick: (s: Standing) => number): number => rows.reduce((n, s) => n + pick(s), 0);
