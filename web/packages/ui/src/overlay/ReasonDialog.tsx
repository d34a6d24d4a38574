import { Button, Select, Textarea, TextInput } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { useEffect, useState, type ReactNode } from 'react';
import { WriteError } from '../state/WriteError';
import { Dialog } from './Dialog';

export interface ReasonOption {
  value: string;
  label: string;
}

export interface ReasonAnswer {
  /** From the list; '' when there is none. */
  code: string;
  note: string;
}

export interface ReasonDialogProps {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  /** What will happen, and what will not. */
  text?: ReactNode;
  /** Codes to choose from; without them, the note is the reason. */
  reasons?: readonly ReasonOption[];
  note?: 'required' | 'optional' | 'none';
  /** Must be typed as it stands: for deletion and for money. */
  typed?: string;
  confirm: string;
  danger?: boolean;
  /** Wider, for what is shown before deciding. */
  size?: 'md' | 'lg' | 'xl';
  busy?: boolean;
  error?: unknown;
  children?: ReactNode;
  onConfirm: (answer: ReasonAnswer) => void;
}

/** Asks why before it is done; Ctrl+Enter sends. */
export function ReasonDialog(props: ReasonDialogProps) {
  const { opened, onClose, title, text, reasons, note = reasons ? 'optional' : 'required', typed, confirm, danger, size, busy, error, children, onConfirm } = props;
  const { t } = useTranslation('common');
  const [code, setCode] = useState('');
  const [words, setWords] = useState('');
  const [copy, setCopy] = useState('');
  const [tried, setTried] = useState(false);
  useEffect(() => {
    if (opened) {
      setCode('');
      setWords('');
      setCopy('');
      setTried(false);
    }
  }, [opened]);
  const codeMissing = !!reasons && code === '';
  const noteMissing = note === 'required' && words.trim() === '';
  const copyWrong = typed !== undefined && squash(copy) !== squash(typed);
  const send = () => {
    setTried(true);
    if (codeMissing || noteMissing || copyWrong || busy) return;
    onConfirm({ code, note: words.trim() });
  };
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={title}
      size={size}
      locked={busy}
      footer={
        <>
          <Button variant="default" onClick={onClose} disabled={busy}>
            {t('cancel')}
          </Button>
          <Button color={danger ? 'red' : undefined} onClick={send} loading={busy}>
            {confirm}
          </Button>
        </>
      }
    >
      <form
        onSubmit={(e) => {
          e.preventDefault();
          send();
        }}
        onKeyDown={(e) => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && send()}
        style={{ display: 'grid', gap: '0.9rem' }}
      >
        {text && <div>{text}</div>}
        {children}
        {reasons && (
          <Select
            label={t('reason.code')}
            placeholder={t('reason.choose')}
            data={[...reasons]}
            data-autofocus
            value={code || null}
            onChange={(value) => setCode(value ?? '')}
            error={tried && codeMissing && t('reason.code_missing')}
            required
            searchable={reasons.length > 8}
          />
        )}
        {note !== 'none' && (
          <Textarea
            label={note === 'required' ? t('reason.note') : t('reason.note_optional')}
            data-autofocus={reasons ? undefined : true}
            value={words}
            onChange={(e) => setWords(e.currentTarget.value)}
            error={tried && noteMissing && t('reason.note_missing')}
            required={note === 'required'}
            minRows={3}
            autosize
            dir="auto"
          />
        )}
        {typed !== undefined && (
          <TextInput
            label={t('reason.typed', { text: typed })}
            value={copy}
            onChange={(e) => setCopy(e.currentTarget.value)}
            error={tried && copyWrong && t('reason.typed_wrong')}
            autoComplete="off"
            dir="ltr"
          />
        )}
        <WriteError error={error} />
      </form>
    </Dialog>
  );
}

const squash = (text: string) => text.replace(/[\s\u00a0\u202f\u2066-\u2069]/g, '').toLowerCase();
