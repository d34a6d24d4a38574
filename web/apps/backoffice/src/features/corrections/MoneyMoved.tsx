import { Skeleton } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { errorText, Money, Notice } from '@qd/ui';
import { useEffect, useState } from 'react';
import type { Request } from './words';

type Preview = Schema<'CorrectionPreview'>;

/** What a change with an earlier date moves, asked for as it is typed; null while there is nothing to ask. */
export function useMoneyMoved(request: Request | null): { preview: Preview | null; failed: unknown; busy: boolean } {
  const { run } = useWrite('post', '/api/v1/corrections/preview', { touches: [] });
  const [state, setState] = useState<{ key: string; preview: Preview | null; failed: unknown }>({ key: '', preview: null, failed: null });
  const key = request ? JSON.stringify(request) : '';
  useEffect(() => {
    if (!request) return;
    let gone = false;
    const timer = setTimeout(() => {
      run({ body: { request } }).then(
        (preview) => { if (!gone) setState({ key, preview, failed: null }); },
        (failed: unknown) => { if (!gone) setState({ key, preview: null, failed }); },
      );
    }, 300);
    return () => { gone = true; clearTimeout(timer); };
    // The key says all of the request.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  const fresh = key !== '' && state.key === key;
  return { preview: fresh ? state.preview : null, failed: fresh ? state.failed : null, busy: key !== '' && !fresh };
}

export function MoneyMoved({ moved }: { moved: ReturnType<typeof useMoneyMoved> }) {
  const { t } = useTranslation('office-engine');
  if (moved.busy) return <Skeleton height={60} />;
  if (moved.failed) return <Notice tone="bad">{errorText(moved.failed)}</Notice>;
  const f = moved.preview?.retier;
  if (!f) return null;
  return (
    <div role="status">
      <p style={{ marginBlock: 0, fontWeight: 600 }}>{t('cor.moves')}</p>
      {f.per.length === 0 ? (
        <p className="qd-muted" style={{ margin: 0 }}>{t('cor.nothing')}</p>
      ) : (
        <ul style={{ marginBlock: '0.25rem' }}>
          {f.per.map((x) => (
            <li key={x.partner_id + x.currency + (x.statement_id ?? '')}>
              <bdi>{x.partner_name}</bdi> · {x.statement_id ? t('cor.number', { number: x.statement_number ?? 0 }) : t('cor.openPeriod')}: <Money value={{ minor: x.old_minor, currency: x.currency }} /> → <Money value={{ minor: x.new_minor, currency: x.currency }} /> (<Money signed value={{ minor: x.difference_minor, currency: x.currency }} />)
            </li>
          ))}
        </ul>
      )}
      {f.closed_changed && <Notice tone="warn">{t('cor.needsSecond')}</Notice>}
    </div>
  );
}
