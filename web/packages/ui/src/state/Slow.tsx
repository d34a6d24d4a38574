import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { useEffect, useState, type ReactNode } from 'react';
import classes from './states.module.css';

/** Skeletons first; after ten seconds it says that something is slow and offers to ask again. */
export function Slow({ children, what, onRetry }: { children: ReactNode; what?: string; onRetry?: () => void }) {
  const { t } = useTranslation('common');
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 10_000);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div aria-busy="true">
      {children}
      {slow && (
        <div className={classes.state} role="status">
          <p className={classes.text}>{what ? t('slow.what', { what }) : t('slow.text')}</p>
          {onRetry && (
            <Button variant="default" size="compact-sm" onClick={onRetry}>
              {t('error.retry')}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
