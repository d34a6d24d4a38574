import { useTranslation } from '@qd/i18n';
import { useSession } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useRecord } from './queries';
import classes from './room.module.css';

/** What stands in the way everywhere, above every page. */
export function Bars() {
  const { t } = useTranslation('trader');
  const { me } = useSession();
  const record = useRecord();
  const restrictions = record.data?.restrictions ?? [];
  if (me.email_verified !== false && restrictions.length === 0) return null;
  return (
    <div className={classes.bars}>
      {me.email_verified === false && (
        <div className={classes.bar} role="status">
          <span>{t('bar.email')}</span>
          <Link to="/profile">{t('bar.email_do')}</Link>
        </div>
      )}
      {restrictions.map((r) => (
        <div key={r.kind} className={classes.bar} role="status">
          <span>{t(`bar.restricted.${r.kind}`)}</span>
          <Link to="/support/new">{t('bar.ask')}</Link>
        </div>
      ))}
    </div>
  );
}
