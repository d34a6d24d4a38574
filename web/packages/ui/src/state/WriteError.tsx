import { useTranslation } from '@qd/i18n';
import { CopyId } from '../show/CopyId';
import { errorText, type ErrorLike } from './ErrorState';
import { Notice } from './Notice';

/**
 * Why something was not done, where it was started. When it is not the person's input that was wrong
 * it says whether something may have happened after all, and what to quote.
 */
export function WriteError({ error }: { error: unknown }) {
  const { t } = useTranslation('common');
  if (!error) return null;
  const e = error as ErrorLike;
  if (e.kind === 'declined' || e.kind === 'aborted') return null;
  const ours = e.kind !== 'problem' || (e.status ?? 0) >= 500;
  if (!ours) return <Notice tone="bad">{errorText(error)}</Notice>;
  return (
    <Notice tone="bad" title={errorText(error)}>
      {t(e.outcome === 'unknown' ? 'error.outcome_unknown' : 'error.not_done')}
      {e.reference && (
        <>
          {' '}
          {t('error.reference')} <CopyId id={e.reference} />
        </>
      )}
    </Notice>
  );
}
