import { list, useTranslation } from '@qd/i18n';
import { Card, Cards, DataTable, KeyValue, Price, type Column } from '@qd/ui';
import { useMemo } from 'react';
import { scopeParts, toPercent, type PlanDoc, type PlanRule } from './editor/document';

/** A plan's document in the words of the trade. */
export function Reading({ doc }: { doc: PlanDoc }) {
  const { t, i18n } = useTranslation('office-partners');
  const lang = i18n.language;
  const columns = useMemo<readonly Column<PlanRule>[]>(
    () => [
      { id: 'id', header: t('plans.rule'), width: 160, fixed: true, cell: (r) => <bdi>{r.id}</bdi> },
      { id: 'rate', header: t('plans.perLot', { currency: doc.currency }), width: 180, align: 'number', card: 'side', cell: (r) => <Price value={r.rate} /> },
      { id: 'level', header: t('col.level'), width: 100, align: 'number', cell: (r) => r.level ?? 1 },
      {
        id: 'scope', header: t('plans.scope'), width: 420,
        cell: (r) => {
          const parts = scopeParts.flatMap((p) => (r.scope?.[p]?.length ? [`${t(`plans.part.${p}`)}: ${list(lang, r.scope[p] as string[], 'disjunction')}`] : []));
          return parts.length > 0 ? <bdi>{parts.join(' · ')}</bdi> : t('plans.everything');
        },
      },
      { id: 'valid', header: t('plans.valid'), width: 200, cell: (r) => (r.valid_from || r.valid_to ? <bdi dir="ltr">{r.valid_from?.slice(0, 10) ?? '…'} – {r.valid_to?.slice(0, 10) ?? '…'}</bdi> : t('plans.always')) },
    ],
    [t, lang, doc.currency],
  );
  const o = doc.override;
  const x = doc.exclusions;
  return (
    <>
      <Card title={t('plans.rates')} flush>
        <DataTable id="plan-rules" inline label={t('plans.rates')} columns={columns} rows={doc.rules ?? []} rowId={(r) => r.id} empty={{ title: t('plans.noRules') }} />
      </Card>
      <Cards min="22rem">
        <Card title={t('plans.override')}>
          {!o ? (
            <p className="qd-muted">{t('reason.no_override')}</p>
          ) : (
            <KeyValue
              items={[
                { label: t('why.method'), value: t(`plans.method.${o.method}`) },
                o.method === 'percent_of_child' && { label: t('plans.of'), value: t(`plans.ofWhom.${o.of}`) },
                ...(o.method === 'percent_of_child' ? o.levels.map((share, at) => ({ label: t('why.level', { level: at + 2 }), value: <bdi dir="ltr">{toPercent(share)} %</bdi> })) : []),
              ]}
            />
          )}
        </Card>
        <Card title={t('plans.exclusions')}>
          <KeyValue
            items={[
              { label: t('plans.minDuration'), value: x?.min_duration_secs ? t('plans.seconds', { count: x.min_duration_secs }) : t('plans.off') },
              { label: t('plans.negative'), value: x?.negative_balance ? t('plans.on') : t('plans.off') },
              { label: t('plans.bonus'), value: x?.bonus_share ? t('plans.on') : t('plans.off') },
            ]}
          />
        </Card>
        <Card title={t('plans.where')}>
          <KeyValue
            items={[
              { label: t('plans.part.entities'), value: doc.scope?.entities?.length ? list(lang, doc.scope.entities) : t('plans.everything') },
              { label: t('plans.part.countries'), value: doc.scope?.countries?.length ? list(lang, doc.scope.countries) : t('plans.everything') },
              ...(doc.scope?.forbidden ?? []).map((f) => ({ label: t('plans.forbidden', { country: f.country }), value: <span dir="auto">{f.source}</span> })),
              ...(doc.volume_factors ?? []).map((f) => ({ label: t('plans.factor'), value: <bdi>{f.factor} · {[...(f.account_types ?? []), ...(f.groups ?? [])].join(' · ')}</bdi> })),
            ]}
          />
        </Card>
      </Cards>
    </>
  );
}
