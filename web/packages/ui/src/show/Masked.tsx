import { Tooltip } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconEyeOff } from '@tabler/icons-react';
import { createContext, useContext } from 'react';
import { covered } from './amount';
import classes from './show.module.css';

/** Inside a button or link nothing else can be focused: readers could not reach it. */
export const InsideControl = createContext(false);

/** A value this role does not see: it is there, and it says why it is covered. */
export function Masked({ mask }: { mask?: string }) {
  const { t } = useTranslation(['common', 'status']);
  const inside = useContext(InsideControl);
  const what = mask ? t(`status:mask.${mask}` as never) : undefined;
  return (
    <Tooltip label={what ? t('common:masked.what', { what: String(what) }) : t('common:masked.text')}>
      <span className={classes.masked} tabIndex={inside ? undefined : 0} aria-label={t('common:masked.text')} role="img">
        <span aria-hidden>•••</span>
        <IconEyeOff size={13} aria-hidden />
      </span>
    </Tooltip>
  );
}

/** Text that may be covered or absent. */
export function Value({ children, mask }: { children: string | number | null | undefined; mask?: string }) {
  if (children === null || children === undefined || children === '') return <span className="qd-muted">–</span>;
  if (covered(children)) return <Masked mask={mask} />;
  return <bdi>{children}</bdi>;
}
