import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconCircleCheck, IconFilterOff, IconInbox, IconLock } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './states.module.css';

export interface EmptyStateProps {
  /**
   * `first`: nothing was ever here, offer the first step; `filtered`: the filters hide it;
   * `done`: the queue is empty because the work is done; `locked`: not for this role.
   */
  kind?: 'first' | 'filtered' | 'done' | 'locked';
  title?: ReactNode;
  text?: ReactNode;
  /** The next step. */
  action?: ReactNode;
  onResetFilters?: () => void;
  page?: boolean;
}

const icons = { first: IconInbox, filtered: IconFilterOff, done: IconCircleCheck, locked: IconLock };

/** Why it is empty, and what to do about it. */
export function EmptyState({ kind = 'first', title, text, action, onResetFilters, page }: EmptyStateProps) {
  const { t } = useTranslation('common');
  const Icon = icons[kind];
  return (
    <div className={classes.state} data-page={page || undefined} role="status">
      <span className={classes.icon} data-tone={kind === 'done' ? 'good' : undefined}>
        <Icon size={22} aria-hidden />
      </span>
      <p className={classes.title}>{title ?? t(`empty.${kind}`)}</p>
      {(text ?? kind === 'filtered') ? <p className={classes.text}>{text ?? t('empty.filtered_text')}</p> : null}
      <div className={classes.actions}>
        {kind === 'filtered' && onResetFilters && (
          <Button variant="default" onClick={onResetFilters}>
            {t('empty.reset')}
          </Button>
        )}
        {action}
      </div>
    </div>
  );
}
