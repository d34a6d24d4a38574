import { Button, Stack } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { useId, type FormEvent, type ReactNode } from 'react';
import { Notice } from '../state/Notice';
import { Dialog, type DialogProps } from './Dialog';

export interface FormDialogProps extends Pick<DialogProps, 'opened' | 'onClose' | 'title' | 'size'> {
  /** The button that sends; "Save" without. */
  save?: string;
  busy: boolean;
  /** What is wrong with the whole of it: `showProblem`'s answer. */
  above: string | null;
  onSubmit: (event?: FormEvent<HTMLFormElement>) => void;
  children: ReactNode;
}

/** A dialog that is one form: what is wrong stands above, Enter sends, and it stays while it is under way. */
export function FormDialog({ opened, onClose, title, size, save, busy, above, onSubmit, children }: FormDialogProps) {
  const { t } = useTranslation('common');
  const id = useId();
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={title}
      size={size}
      locked={busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('cancel')}</Button>
          <Button type="submit" form={id} loading={busy}>{save ?? t('save')}</Button>
        </>
      }
    >
      <form id={id} onSubmit={onSubmit} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          {children}
        </Stack>
      </form>
    </Dialog>
  );
}
