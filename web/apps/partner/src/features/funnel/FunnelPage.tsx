import { Stack } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { number, serverText, useTranslation } from '@qd/i18n';
import { Card, DataTable, FilterBar, Lots, Page, shortId, useFilters, type Column, type Filter } from '@qd/ui';
import { useMemo } from 'react';
import { lotsText } from '../../lib';
import classes from './funnel.module.css';

type Funnel = Schema<'Funnel'>;
type Row = Funnel['rows'][number];
const ways = ['link', 'campaign', 'material', 'sub1', 'sub2', 'sub3', 'sub4', 'sub5'] as const;
const steps = ['clicks', 'registrations', 'kyc_approved', 'ftd', 'active'] as const;

/** How many of those who clicked went how far: by link, campaign, material or sub id. */
export function FunnelPage() {
  const { t, i18n } = useTranslation(['partner-tools', 'partner']);
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'by', label: t('partner-tools:funnel.by'), pinned: true, options: ways.map((value) => ({ value, label: serverText('partner-tools', `by.${value}`) })) },
      { kind: 'dates', name: 'at', label: t('partner-tools:funnel.period'), pinned: true },
    ],
    [t],
  );
  const { values, active, reset } = useFilters(filters);
  const by = (ways as readonly string[]).includes(values.by ?? '') ? (values.by as Funnel['by']) : 'link';
  const one = useApiQuery('/api/v1/me/partner/funnel', { query: { by, from_us: values.at_from_us ? Number(values.at_from_us) : undefined, to_us: values.at_until_us ? Number(values.at_until_us) : undefined } });
  const columns = useMemo<readonly Column<Row>[]>(() => {
    const n = (value: number) => number(i18n.language, value);
    return [
      { id: 'part', header: serverText('partner-tools', `by.${by}`), width: 190, fixed: true, cell: (r) => (r.label ?? r.part ? <bdi dir="ltr">{r.label ?? shortId(r.part)}</bdi> : <span className="qd-muted">{t('partner-tools:funnel.without')}</span>) },
      { id: 'clicks', header: t('partner-tools:step.clicks'), width: 110, align: 'number', card: 'side', cell: (r) => n(r.clicks) },
      { id: 'visitors', header: t('partner-tools:step.visitors'), width: 120, align: 'number', cell: (r) => n(r.visitors) },
      { id: 'registrations', header: t('partner-tools:step.registrations'), width: 140, align: 'number', cell: (r) => n(r.registrations) },
      { id: 'kyc', header: t('partner-tools:step.kyc_approved'), width: 130, align: 'number', cell: (r) => n(r.kyc_approved) },
      { id: 'ftd', header: t('partner-tools:step.ftd'), width: 140, align: 'number', cell: (r) => n(r.ftd) },
      { id: 'active', header: t('partner-tools:step.active'), width: 120, align: 'number', cell: (r) => n(r.active) },
      { id: 'lots', header: t('partner:line.lots'), width: 120, align: 'number', cell: (r) => <Lots value={lotsText(r.lots)} /> },
      { id: 'withdrawn', header: t('partner-tools:step.withdrawn'), width: 170, align: 'number', cell: (r) => n(r.clicks_withdrawn) },
    ];
  }, [t, by, i18n.language]);
  const total = one.data?.total;
  return (
    <Page title={t('partner:nav.funnel')} text={t('partner-tools:funnel.text')}>
      <Stack>
        {total && total.clicks + total.registrations > 0 && (
          <Card title={t('partner-tools:funnel.all')}>
            <ol className={classes.steps}>
              {steps.map((step, at) => {
                const before = at > 0 ? total[steps[at - 1]!] : 0;
                const most = Math.max(1, ...steps.map((s) => total[s]));
                return (
                  <li key={step}>
                    <span>{t(`partner-tools:step.${step}`)}</span>
                    <span className={classes.bar} aria-hidden><span style={{ inlineSize: `${(total[step] / most) * 100}%` }} /></span>
                    <span className={classes.count}>
                      {number(i18n.language, total[step])}
                      {before > 0 && <span className="qd-muted"> {number(i18n.language, total[step] / before, { style: 'percent', maximumFractionDigits: 1 })}</span>}
                    </span>
                  </li>
                );
              })}
            </ol>
          </Card>
        )}
        <DataTable
          id="funnel"
          inline
          label={t('partner:nav.funnel')}
          columns={columns}
          rows={one.data?.rows}
          rowId={(r) => r.part || '-'}
          loading={one.isPending}
          error={one.error}
          onRetry={() => void one.refetch()}
          filtered={active}
          onResetFilters={reset}
          toolbar={<FilterBar filters={filters} />}
          empty={{ title: t('partner-tools:funnel.none'), text: t('partner-tools:funnel.noneText') }}
        />
      </Stack>
    </Page>
  );
}
