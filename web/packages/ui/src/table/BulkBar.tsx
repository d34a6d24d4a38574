import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import type { ReactNode } from 'react';
import classes from './DataTable.module.css';

export interface AllMatching {
  /** How many the filters match in all. */
  count: number;
  picked: boolean;
  onPick: (on: boolean) => void;
}

/** Appears with the first tick: the exact count, and what can be done with them. */
export function BulkBar({ count, allPicked, allMatching, onClear, children }: { count: number; allPicked: boolean; allMatching?: AllMatching; onClear: () => void; children: ReactNode }) {
  const { t } = useTranslation('common');
  const n = allMatching?.picked ? allMatching.count : count;
  return (
    <div className={classes.bulk} role="toolbar" aria-label={t('table.bulk')}>
      <strong role="status">{t('table.picked', { count: n })}</strong>
      {allMatching && allPicked && !allMatching.picked && allMatching.count > count && (
        <Button size="compact-sm" variant="subtle" onClick={() => allMatching.onPick(true)}>
          {t('table.pick_matching', { count: allMatching.count })}
        </Button>
      )}
      <div className={classes.bulkActions}>{children}</div>
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        onClick={() => {
          allMatching?.onPick(false);
          onClear();
        }}
      >
        {t('table.unpick')}
      </Button>
    </div>
  );
}
