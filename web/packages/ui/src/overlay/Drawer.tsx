import { ActionIcon, CloseButton, FocusTrap, Tooltip, useDirection } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from '@qd/i18n';
import { IconArrowsMaximize, IconChevronDown, IconChevronUp } from '@tabler/icons-react';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useShortcuts } from '../keys/keys';
import { useTopmost } from './stack';
import classes from './overlay.module.css';

export interface DrawerProps {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  /** Beside the title: chips, ids. */
  aside?: ReactNode;
  children: ReactNode;
  /** Buttons of the record; they stay visible. */
  footer?: ReactNode;
  /** The record before and after in the filtered list (`k`, `j`). */
  onPrevious?: (() => void) | null;
  onNext?: (() => void) | null;
  /** Key `o`: the whole page of the record. */
  onFullPage?: () => void;
  size?: 'md' | 'lg' | 'xl';
  /** Covers the page behind it: for forms. A peek leaves the list usable. */
  modal?: boolean;
}

/**
 * A panel at the inline end. As a peek it stands beside the list, which stays usable; on a narrow screen,
 * and with `modal`, it covers the page and keeps the focus.
 */
export function Drawer({ opened, onClose, title, aside, children, footer, onPrevious, onNext, onFullPage, size = 'md', modal }: DrawerProps) {
  const { t } = useTranslation('common');
  const { dir } = useDirection();
  const narrow = useMediaQuery('(max-width: 800px)') ?? false;
  const covers = modal || narrow;
  const top = useTopmost(opened);
  const titleId = useId();
  const panel = useRef<HTMLElement>(null);
  const before = useRef<Element | null>(null);

  useEffect(() => {
    if (!opened) return;
    before.current = document.activeElement;
    panel.current?.focus({ preventScroll: true });
    return () => {
      const back = before.current;
      if (back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true });
    };
  }, [opened]);

  // On a wide screen the page makes room: the list beside the peek stays whole and usable.
  useEffect(() => {
    if (!opened || covers) return;
    document.documentElement.dataset.qdPeek = size;
    return () => {
      delete document.documentElement.dataset.qdPeek;
    };
  }, [opened, covers, size]);

  useEffect(() => {
    if (!opened || !top) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      const field = event.target instanceof Element && event.target.closest('[aria-expanded="true"]');
      if (!field) onClose();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [opened, top, onClose]);

  const group = t('keys.record');
  useShortcuts([
    { keys: 'j', label: t('drawer.next'), group, run: () => onNext?.(), enabled: opened && top && !!onNext },
    { keys: 'k', label: t('drawer.previous'), group, run: () => onPrevious?.(), enabled: opened && top && !!onPrevious },
    { keys: 'o', label: t('drawer.full_page'), group, run: () => onFullPage?.(), enabled: opened && top && !!onFullPage },
  ]);

  if (!opened) return null;
  const body = (
    <section
      ref={panel}
      className={classes.drawer}
      data-size={size}
      data-dir={dir}
      data-beside={!covers || undefined}
      role="dialog"
      aria-modal={covers}
      aria-labelledby={titleId}
      tabIndex={-1}
    >
      <div className={classes.head}>
        <div className={classes.headMain}>
          <h2 id={titleId} className={classes.title}>
            {title}
          </h2>
          {aside}
        </div>
        <div className={classes.headActions}>
          {(onPrevious !== undefined || onNext !== undefined) && (
            <>
              <HeadButton label={t('drawer.previous')} onClick={onPrevious} icon={<IconChevronUp size={18} />} />
              <HeadButton label={t('drawer.next')} onClick={onNext} icon={<IconChevronDown size={18} />} />
            </>
          )}
          {onFullPage && <HeadButton label={t('drawer.full_page')} onClick={onFullPage} icon={<IconArrowsMaximize size={17} />} />}
          <CloseButton onClick={onClose} aria-label={t('close')} />
        </div>
      </div>
      <div className={classes.body} tabIndex={0} role="group" aria-labelledby={titleId}>
        {children}
      </div>
      {footer && <div className={classes.foot}>{footer}</div>}
    </section>
  );
  if (!covers) return body;
  return (
    <>
      <div className={classes.veil} onClick={onClose} aria-hidden />
      <FocusTrap active={top}>{body}</FocusTrap>
    </>
  );
}

function HeadButton({ label, onClick, icon }: { label: string; onClick: (() => void) | null | undefined; icon: ReactNode }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" disabled={!onClick} onClick={() => onClick?.()} aria-label={label}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
