import { Button, Skeleton } from '@mantine/core';
import { useApiQuery, useWrite, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, DataTable, Dialog, EmptyState, ErrorState, say, StatusChip, When, WriteError, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';
import { methodName, percentText } from '../../lib/RouteWhy';
import classes from './routing.module.css';

type Experiment = Row<'/api/v1/payments/experiments'>;
type Arm = Experiment['arms'][number];

/** Running and ended experiments with what came of each arm. */
export function Experiments() {
  const { t, i18n } = useTranslation(['office-routing', 'common']);
  const lang = i18n.language;
  const may = useCan('connections.manage');
  const list = useApiQuery('/api/v1/payments/experiments', {});
  const end = useWrite('post', '/api/v1/payments/experiments/{id}/end');
  const [asked, setAsked] = useState<Experiment | null>(null);
  const columns = useMemo<readonly Column<Arm>[]>(
    () => [
      { id: 'name', header: t('x.arm'), width: 160, fixed: true, cell: (a) => <bdi>{a.name}</bdi> },
      { id: 'connection', header: t('connection'), width: 150, cell: (a) => <bdi>{a.connection}</bdi> },
      { id: 'share', header: t('x.share'), width: 110, align: 'number', cell: (a) => number(lang, a.share, { style: 'unit', unit: 'percent' }) },
      { id: 'clients', header: t('x.clients'), width: 110, align: 'number', cell: (a) => number(lang, a.clients) },
      { id: 'attempts', header: t('x.attempts'), width: 110, align: 'number', cell: (a) => number(lang, a.attempts) },
      { id: 'paid', header: t('why.paid'), width: 140, align: 'number', cell: (a) => (a.ended > 0 ? t('why.paidOf', { paid: number(lang, a.paid), ended: number(lang, a.ended) }) : '–') },
      { id: 'rate', header: t('success.rate'), width: 110, align: 'number', card: 'side', cell: (a) => <strong>{percentText(lang, a.rate_ppm)}</strong> },
    ],
    [t, lang],
  );
  const finish = async () => {
    if (!asked) return;
    try {
      await end.run({ path: { id: asked.id } });
      setAsked(null);
      say(t('x.done'));
      void list.refetch();
    } catch {
      // The write's own `error` is shown in the dialog.
    }
  };
  return (
    <Card title={t('x.title')} flush>
      {list.error && !list.data ? (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.data ? (
        <Skeleton height={120} />
      ) : list.data.items.length === 0 ? (
        <EmptyState title={t('x.empty')} text={t('x.emptyText')} />
      ) : (
        <div className={classes.list}>
          {list.data.items.map((e) => (
            <section key={e.id} className={classes.one}>
              <div className={classes.head}>
                <h3>
                  <bdi>{e.name}</bdi>
                </h3>
                <StatusChip kind="experiment" value={e.state} />
              </div>
              <div className={classes.head}>
                <span className="qd-muted">
                  {methodName(e.method)} · <bdi>{e.entity}</bdi> · {t('x.from')} <When us={e.started_at_us} as="full" />
                  {e.ended_at_us && (
                    <>
                      {' '}
                      · {t('x.until')} <When us={e.ended_at_us} as="full" />
                    </>
                  )}
                </span>
                {may && e.state === 'running' && (
                  <Button size="compact-sm" variant="default" onClick={() => setAsked(e)}>
                    {t('x.end')}
                  </Button>
                )}
              </div>
              <DataTable id="experiment-arms" inline label={t('x.arms', { name: e.name })} columns={columns} rows={e.arms} rowId={(a) => a.name} />
            </section>
          ))}
        </div>
      )}
      <Dialog
        opened={!!asked}
        onClose={() => setAsked(null)}
        title={t('x.endTitle', { name: asked?.name ?? '' })}
        footer={
          <>
            <Button variant="default" onClick={() => setAsked(null)}>{t('common:cancel')}</Button>
            <Button loading={end.busy} onClick={() => void finish()}>{t('x.end')}</Button>
          </>
        }
      >
        <p>{t('x.endText')}</p>
        {end.error && <WriteError error={end.error} />}
      </Dialog>
    </Card>
  );
}
