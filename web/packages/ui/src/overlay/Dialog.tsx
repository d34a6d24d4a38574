import { CloseButton, Modal } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from '@qd/i18n';
import { useId, type ReactNode } from 'react';
import { useTopmost } from './stack';
import classes from './overlay.module.css';

export interface DialogProps {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  /** Buttons; they stay visible below a long body. */
  footer?: ReactNode;
  size?: 'sm' | 'md' | 'lg' | 'xl';
  /** While something is under way that must not be walked away from. */
  locked?: boolean;
}

/** A modal with a head of our own: Mantine's is a second page banner for screen readers. */
export function Dialog({ opened, onClose, title, children, footer, size = 'md', locked }: DialogProps) {
  const { t } = useTranslation('common');
  const narrow = useMediaQuery('(max-width: 800px)');
  const top = useTopmost(opened);
  const titleId = useId();
  return (
    <Modal.Root
      opened={opened}
      onClose={() => !locked && onClose()}
      size={size}
      fullScreen={narrow && size !== 'sm'}
      centered
      closeOnEscape={top && !locked}
      trapFocus={top}
      closeOnClickOutside={!locked}
      returnFocus
    >
      <Modal.Overlay />
      <Modal.Content aria-labelledby={titleId} className={classes.dialog}>
        <div className={classes.head}>
          <h2 id={titleId} className={classes.title}>
            {title}
          </h2>
          <CloseButton onClick={onClose} disabled={locked} aria-label={t('close')} />
        </div>
        <Modal.Body className={classes.body}>{children}</Modal.Body>
        {footer && <div className={classes.foot}>{footer}</div>}
      </Modal.Content>
    </Modal.Root>
  );
}
