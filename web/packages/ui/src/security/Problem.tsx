import type { ApiError } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId } from '../show/CopyId';
import { errorText } from '../state/ErrorState';
import { Notice } from '../state/Notice';
import classes from './security.module.css';

/** What went wrong with a form as a whole: above its fields, read out at once. */
export function Problem({ error }: { error: ApiError | null | undefined }) {
  const { t } = useTranslation('security');
  if (!error || error.kind === 'declined' || error.kind === 'aborted') return null;
  const ours = error.status === null || error.status >= 500;
  return (
    <Notice tone="bad" title={errorText(error)}>
      {error.outcome === 'unknown' && <p className={classes.small}>{t('outcome_unknown')}</p>}
      {ours && error.reference && (
        <p className={classes.small}>
          {t('reference')} <CopyId id={error.reference} />
        </p>
      )}
    </Notice>
  );
}
