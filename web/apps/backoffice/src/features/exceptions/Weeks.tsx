import { Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { dateFormat, number, useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, statusText } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import classes from './weeks.module.css';

/** How much people had to mend by hand, by kind and week; a bar opens its cases. */
export function Weeks() {
  const { t, i18n } = useTranslation('office-money');
  const weekly = useApiQuery('/api/v1/exceptions/weekly', { query: { weeks: 8 } });
  const w = weekly.data;
  if (weekly.error && !w) return <ErrorState error={weekly.error} onRetry={() => void weekly.refetch()} />;
  if (!w) return <Skeleton height={260} />;
  const highest = Math.max(1, ...w.weeks.map((week) => week.count));
  const day = dateFormat(i18n.language, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const shown = w.kinds.slice(0, 6);
  const rest = w.kinds.slice(6);
  const bars = (at: number) => [
    ...shown.map((k, tone) => ({ kind: k.kind, label: statusText('exception_kind', k.kind), count: k.counts[at] ?? 0, tone })),
    { kind: '', label: t('x.otherKinds'), count: rest.reduce((sum, k) => sum + (k.counts[at] ?? 0), 0), tone: 6 },
  ];
  return (
    <Card title={t('x.weeksTitle')}>
      {w.kinds.length === 0 ? (
        <EmptyState kind="done" title={t('x.done')} text={t('x.weeksNone')} />
      ) : (
        <>
          <ol className={classes.chart} dir="ltr">
            {w.weeks.map((week, at) => (
              <li key={week.from_us} className={classes.week}>
                <span className={classes.count}>{number(i18n.language, week.count)}</span>
                <span className={classes.stack}>
                  {bars(at)
                    .filter((b) => b.count > 0)
                    .map((b) => (
                      <Link
                        key={b.label}
                        className={classes.bar}
                        data-tone={b.tone}
                        style={{ blockSize: `${(b.count / highest) * 100}%` }}
                        to={'/exceptions' as never}
                        search={{ tab: 'all', ...(b.kind ? { kind: b.kind } : {}), opened_from_us: String(week.from_us), opened_until_us: String(week.until_us) } as never}
                        aria-label={t('x.bar', { kind: b.label, cases: number(i18n.language, b.count), week: day.format(week.from_us / 1000) })}
                        title={`${b.label}: ${number(i18n.language, b.count)}`}
                      />
                    ))}
                </span>
                <span className={classes.label}>{day.format(week.from_us / 1000)}</span>
              </li>
            ))}
          </ol>
          <ul className={classes.legend}>
            {shown.map((k, tone) => (
              <li key={k.kind}>
                <span className={classes.swatch} data-tone={tone} aria-hidden /> {statusText('exception_kind', k.kind)}{' '}
                <span className="qd-muted">{number(i18n.language, k.counts.reduce((a, b) => a + b, 0))}</span>
              </li>
            ))}
            {rest.length > 0 && (
              <li>
                <span className={classes.swatch} data-tone={6} aria-hidden /> {t('x.otherKinds')}
              </li>
            )}
          </ul>
          <p className="qd-muted" style={{ margin: 0 }}>
            {t('x.weeksNote')}
          </p>
        </>
      )}
    </Card>
  );
}
