import { Button, Progress } from '@mantine/core';
import { list, number, useTranslation } from '@qd/i18n';
import { IconCamera, IconFile, IconPhotoUp, IconTrash } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { errorText } from '../state/ErrorState';
import { Notice } from '../state/Notice';
import { sharpness } from './blur';
import classes from './files.module.css';

export interface UploadProps {
  label: ReactNode;
  hint?: ReactNode;
  // Types as the server takes them; '*/*' is any.
  accept?: readonly string[];
  /** Bytes. */
  maxSize?: number;
  /** Offers the camera on phones: `environment` for documents, `user` for a selfie. */
  camera?: 'environment' | 'user';
  /** Sends it; answers when the server has it. */
  send: (file: File, onProgress: (share: number) => void, signal: AbortSignal) => Promise<unknown>;
  onDone?: () => void;
  disabled?: string | null;
  /** A blurred or dark picture is refused; only after a second try it may be sent as it is. */
  strict?: boolean;
  /** A drawing, not a photograph of something to read: not looked at for blur. */
  drawn?: boolean;
}

const names: Record<string, string> = { 'image/jpeg': 'JPEG', 'image/png': 'PNG', 'image/webp': 'WebP', 'image/heic': 'HEIC', 'application/pdf': 'PDF' };
const usual = ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'application/pdf'];

/**
 * A document from a camera or a folder. Blur, darkness, type and size are checked here, before anybody
 * waits for an upload and a day for a reviewer's answer; a blurred picture may still be sent knowingly.
 */
export function Upload({ label, hint, accept = usual, maxSize = 15 * 1024 * 1024, camera, send, onDone, disabled, strict, drawn }: UploadProps) {
  const { t, i18n } = useTranslation('common');
  const [file, setFile] = useState<File | null>(null);
  const [preview, setPreview] = useState<string | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [warn, setWarn] = useState<'blurred' | 'dark' | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const [over, setOver] = useState(false);
  const [refusals, setRefusals] = useState(0);
  const picker = useRef<HTMLInputElement>(null);
  const shutter = useRef<HTMLInputElement>(null);
  const stop = useRef<AbortController>(null);
  const id = useId();

  useEffect(() => () => stop.current?.abort(), []);
  useEffect(() => {
    if (!file || !file.type.startsWith('image/') || file.type === 'image/heic') {
      setPreview(null);
      return;
    }
    const url = URL.createObjectURL(file);
    setPreview(url);
    return () => URL.revokeObjectURL(url);
  }, [file]);

  const forget = () => {
    setFile(null);
    setWarn(null);
    setFault(null);
    setShare(null);
  };
  const put = async (chosen: File) => {
    setShare(0);
    setFault(null);
    const abort = new AbortController();
    stop.current = abort;
    try {
      await send(chosen, setShare, abort.signal);
      forget();
      onDone?.();
    } catch (error) {
      setShare(null);
      if (!abort.signal.aborted) setFault(errorText(error));
    }
  };
  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    forget();
    const type = chosen.type || (/\.hei[cf]$/i.test(chosen.name) ? 'image/heic' : '');
    if (!accept.includes('*/*') && !accept.includes(type)) return setFault(t('upload.bad_type', { types: list(i18n.language, accept.map((a) => names[a] ?? a), 'disjunction') }));
    if (chosen.size > maxSize) return setFault(t('upload.too_big', { size: megabytes(i18n.language, maxSize) }));
    if (chosen.size === 0) return setFault(t('upload.empty'));
    setFile(chosen);
    const look = type.startsWith('image/') && !drawn ? await sharpness(chosen) : null;
    if (look?.blurred || look?.dark) {
      setRefusals((n) => n + 1);
      return setWarn(look.dark ? 'dark' : 'blurred');
    }
    await put(chosen);
  };

  return (
    <div
      className={classes.upload}
      data-over={over || undefined}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        if (!disabled && share === null) void take(e.dataTransfer.files[0]);
      }}
      role="group"
      aria-labelledby={id}
    >
      <p id={id} className={classes.uploadLabel}>
        {label}
      </p>
      {hint && <p className={classes.uploadHint}>{hint}</p>}
      {file && (
        <div className={classes.preview}>
          {preview ? <img src={preview} alt={t('upload.preview')} /> : <IconFile size={28} aria-hidden />}
          <bdi className="qd-one-line">{file.name}</bdi>
          <span className="qd-muted">{megabytes(i18n.language, file.size)}</span>
        </div>
      )}
      {share !== null && (
        <div className={classes.progress} role="status">
          <Progress value={share * 100} aria-label={t('upload.progress')} />
          <span>{t('upload.sending', { percent: number(i18n.language, share, { style: 'percent' }) })}</span>
        </div>
      )}
      {warn && (
        <Notice tone="warn" title={warn === 'blurred' ? t('upload.blurred') : t('upload.dark')}>
          {t('upload.again_text')}
        </Notice>
      )}
      {fault && <Notice tone="bad">{fault}</Notice>}
      {disabled ? (
        <Notice>{disabled}</Notice>
      ) : (
        share === null && (
          <div className={classes.uploadActions}>
            {camera && (
              <Button className={classes.camera} leftSection={<IconCamera size={17} aria-hidden />} onClick={() => shutter.current?.click()}>
                {warn ? t('upload.photo_again') : t('upload.photo')}
              </Button>
            )}
            <Button variant="default" leftSection={<IconPhotoUp size={17} aria-hidden />} onClick={() => picker.current?.click()}>
              {file ? t('upload.other_file') : t('upload.file')}
            </Button>
            {warn && file && (!strict || refusals > 1) && (
              <Button variant="subtle" color="gray" onClick={() => void put(file)}>
                {t('upload.send_anyway')}
              </Button>
            )}
            {file && (
              <Button variant="subtle" color="gray" onClick={forget} leftSection={<IconTrash size={16} aria-hidden />}>
                {t('upload.drop')}
              </Button>
            )}
          </div>
        )
      )}
      <input ref={picker} type="file" accept={accept.join(',')} className="qd-hidden" tabIndex={-1} aria-hidden onChange={(e) => void take(e.currentTarget.files?.[0])} />
      {camera && <input ref={shutter} type="file" accept="image/*" capture={camera} className="qd-hidden" tabIndex={-1} aria-hidden onChange={(e) => void take(e.currentTarget.files?.[0])} />}
    </div>
  );
}

function megabytes(lang: string, bytes: number): string {
  return bytes < 1_000_000
    ? number(lang, Math.max(1, Math.round(bytes / 1000)), { style: 'unit', unit: 'kilobyte' })
    : number(lang, bytes / 1_000_000, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 1 });
}
