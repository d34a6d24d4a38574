import { Button } from '@mantine/core';
import { serverText, hasText, useTranslation } from '@qd/i18n';
import { IconAlertTriangle, IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { CopyId } from '../show/CopyId';
import classes from './states.module.css';

/** What is read of an error; `ApiError` of @qd/api has all of it. */
export interface ErrorLike {
  kind?: string;
  code?: string;
  status?: number | null;
  outcome?: 'not_done' | 'unknown';
  reference?: string | null;
  retryable?: boolean;
  fields?: readonly { pointer: string; code: string }[];
}

export interface ErrorStateProps {
  error: unknown;
  onRetry?: () => void;
  /** A whole page's place instead of a card's. */
  page?: boolean;
  /** It was a write: says what was not done. */
  write?: boolean;
  retrying?: boolean;
}

/** The cause by code from our catalogue; a class of causes when the code is newer than the catalogue. */
export function errorText(error: unknown): string {
  const e = (error ?? {}) as ErrorLike;
  if (e.code && hasText('errors', e.code)) return serverText('errors', e.code);
  return serverText('errors', `class.${errorClass(e)}`);
}

export function errorClass(e: ErrorLike): string {
  if (e.kind && e.kind !== 'problem') return e.kind;
  const status = e.status ?? 0;
  const named: Record<number, string> = { 401: 'signed_out', 403: 'forbidden', 404: 'missing', 409: 'conflict', 429: 'limit', 503: 'unavailable' };
  if (named[status]) return named[status];
  return status >= 400 && status < 500 ? 'invalid' : 'bug';
}

/** What happened, what was not done, what to quote, what to do now. */
export function ErrorState({ error, onRetry, page, write, retrying }: ErrorStateProps) {
  const { t } = useTranslation('common');
  const e = (error ?? {}) as ErrorLike;
  const kind = errorClass(e);
  const away = ['offline', 'unreachable', 'timeout', 'unavailable'].includes(kind);
  return (
    <div className={classes.state} data-page={page || undefined} role="alert">
      <span className={classes.icon} data-tone="bad">
        {away ? <IconPlugConnectedX size={22} aria-hidden /> : <IconAlertTriangle size={22} aria-hidden />}
      </span>
      <p className={classes.title}>{errorText(error)}</p>
      {write && <p className={classes.text}>{e.outcome === 'unknown' ? t('error.outcome_unknown') : t('error.not_done')}</p>}
      {e.reference && (
        <p className={classes.reference}>
          {t('error.reference')} <CopyId id={e.reference} />
        </p>
      )}
      {onRetry && (
        <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} onClick={onRetry} loading={retrying}>
          {t('error.retry')}
        </Button>
      )}
    </div>
  );
}
