import { Button, Select, Textarea } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Dialog, WriteError } from '@qd/ui';
import { useEffect, useState } from 'react';
import { reasonText } from './queries';
import classes from './kyc.module.css';

export interface Reason {
  code: string;
  kind: 'retry' | 'person' | 'final';
  text_key: string;
}

/** The entity's own reasons: its rule book says which there are and what the client reads. */
export function useRejectReasons(entity: string, kinds: readonly Reason['kind'][]): readonly Reason[] {
  const book = useApiQuery('/api/v1/entities/{code}', { path: { code: entity } });
  return (book.data?.config.reject_reasons ?? []).filter((r) => kinds.includes(r.kind));
}

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  text?: string;
  reasons: readonly Reason[];
  noteLabel: string;
  noteRequired: boolean;
  confirm: string;
  busy: boolean;
  error: unknown;
  onConfirm: (answer: { code: string; note: string }) => void;
}

/** A no with a coded reason; what the client will read is shown before it is said. */
export function CodedReason({ opened, onClose, title, text, reasons, noteLabel, noteRequired, confirm, busy, error, onConfirm }: Props) {
  const { t } = useTranslation('office-kyc');
  const [code, setCode] = useState('');
  const [note, setNote] = useState('');
  const [tried, setTried] = useState(false);
  useEffect(() => {
    if (!opened) return;
    setCode('');
    setNote('');
    setTried(false);
  }, [opened]);
  const chosen = reasons.find((r) => r.code === code);
  const send = () => {
    setTried(true);
    if (!code || (noteRequired && !note.trim()) || busy) return;
    onConfirm({ code, note: note.trim() });
  };
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={title}
      locked={busy}
      footer={
        <>
          <Button variant="default" onClick={onClose} disabled={busy}>
            {t('cancel')}
          </Button>
          <Button color="red" onClick={send} loading={busy}>
            {confirm}
          </Button>
        </>
      }
    >
      {text && <p style={{ margin: 0 }}>{text}</p>}
      <Select
        label={t('coded')}
        data={reasons.map((r) => ({ value: r.code, label: reasonText(r.code) }))}
        value={code || null}
        onChange={(v) => setCode(v ?? '')}
        error={tried && !code && t('chooseReason')}
        searchable
        required
      />
      {chosen && (
        <div>
          <p style={{ margin: '0 0 0.25rem' }}>{t('clientReads')}</p>
          <blockquote className={classes.preview}>{serverText('shared', chosen.text_key)}</blockquote>
        </div>
      )}
      <Textarea
        label={noteLabel}
        value={note}
        onChange={(e) => setNote(e.currentTarget.value)}
        error={tried && noteRequired && !note.trim() && t('sayWhy')}
        required={noteRequired}
        minRows={2}
        autosize
        dir="auto"
        onKeyDown={(e) => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && send()}
      />
      <WriteError error={error} />
    </Dialog>
  );
}
