import { CloseButton, Modal } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from '@qd/i18n';
import type { ReactNode } from 'react';
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
      // On `Modal.Content` a class would land on the box around it as well.
      classNames={{ content: classes.dialog }}
    >
      <Modal.Overlay />
      <Modal.Content>
        <div className={classes.head}>
          {/* Mantine names the dialog by its own title only. */}
          <Modal.Title component="h2" className={classes.title}>
            {title}
          </Modal.Title>
          <CloseButton onClick={onClose} disabled={locked} aria-label={t('close')} />
        </div>
        <Modal.Body className={classes.body}>{children}</Modal.Body>
        {footer && <div className={classes.foot}>{footer}</div>}
      </Modal.Content>
    </Modal.Root>
  );
}
