import { hasText, serverText, useTranslation } from '@qd/i18n';
import { IconAlertTriangle, IconCheck, IconCircle, IconCircleDot, IconClock, IconX } from '@tabler/icons-react';
import { Tooltip } from '@mantine/core';
import { toneOf, type StatusKind, type Tone } from './vocabulary';
import { Masked } from './Masked';
import { covered } from './amount';
import classes from './StatusChip.module.css';

export interface StatusChipProps {
  kind: StatusKind;
  value: string | null | undefined;
  /** Clients read the friendly word for the same state (`withdrawal_client.review`). */
  audience?: 'staff' | 'client';
  /** What it means here, on hover. */
  hint?: string;
  size?: 'sm' | 'md';
}

const shapes: Record<Tone, typeof IconCheck> = {
  idle: IconCircle,
  info: IconCircleDot,
  wait: IconClock,
  good: IconCheck,
  warn: IconAlertTriangle,
  bad: IconX,
};

/** The word of a state, for sentences. */
export function statusText(kind: string, value: string, audience: 'staff' | 'client' = 'staff'): string {
  const friendly = `${kind}_client.${value}`;
  return audience === 'client' && hasText('status', friendly) ? serverText('status', friendly) : serverText('status', `${kind}.${value}`);
}

/** Word, colour and shape of a state. */
export function StatusChip({ kind, value, audience = 'staff', hint, size = 'md' }: StatusChipProps) {
  useTranslation('status');
  if (!value) return <span className="qd-muted">–</span>;
  if (covered(value)) return <Masked />;
  const chip = <Chip tone={toneOf(kind, value)} size={size} label={statusText(kind, value, audience)} focusable={!!hint} />;
  return hint ? <Tooltip label={hint}>{chip}</Tooltip> : chip;
}

interface ChipProps {
  tone: Tone;
  label: string;
  size?: 'sm' | 'md';
  focusable?: boolean;
  ref?: React.Ref<HTMLSpanElement>;
}

/** The same look for words outside the vocabulary. */
export function Chip({ tone, label, size = 'md', focusable, ref, ...rest }: ChipProps) {
  const Shape = shapes[tone];
  return (
    <span ref={ref} className={classes.chip} data-tone={tone} data-size={size} tabIndex={focusable ? 0 : undefined} {...rest}>
      <Shape size={size === 'sm' ? 11 : 13} stroke={2.4} aria-hidden />
      <span className={classes.word}>{label}</span>
    </span>
  );
}
