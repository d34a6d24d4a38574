import { useTranslation } from '@qd/i18n';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import classes from './show.module.css';

export interface CopyIdProps {
  id: string;
  /** Shown in place of the shortened id; the bare id is still what is copied. */
  label?: string;
  full?: boolean;
}

/** `cli_01M7SM56RRKE3JDYESR5R9YSS2` -> `cli_…9YSS2`: prefix and the part that differs. */
export function shortId(id: string): string {
  const match = id.match(/^([a-z]+_)(\w{12,})$/);
  return match ? `${match[1]}…${match[2]!.slice(-5)}` : id;
}

/** One click copies the bare id, nothing round it. */
export function CopyId({ id, label, full }: CopyIdProps) {
  const { t } = useTranslation('common');
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (event: React.MouseEvent) => {
    event.stopPropagation();
    await navigator.clipboard?.writeText(id);
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 1500);
  };
  return (
    // The browser's own hint: a list has hundreds of these, and the door has no tooltips to load.
    <button type="button" className={classes.copy} onClick={copy} aria-label={copied ? t('copy.done') : t('copy.hint', { id })} title={t('copy.hint', { id })}>
      <bdi dir="ltr" className="qd-mono">
        {label ?? (full ? id : shortId(id))}
      </bdi>
      {copied ? <IconCheck size={13} aria-hidden /> : <IconCopy size={13} aria-hidden />}
    </button>
  );
}
