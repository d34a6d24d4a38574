import { legalText } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Chip, Money, StatusChip, useZone, When, whenText } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { IconArrowDownLeft, IconArrowsExchange, IconArrowUpRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { usePlaceText } from './Account';
import { addressOf, type Operation } from './queries';
import classes from './room.module.css';
import { detailText, stepName } from './Steps';

const icons = { deposit: IconArrowDownLeft, withdrawal: IconArrowUpRight, transfer: IconArrowsExchange };

/** What a means of payment is called. */
export const methodText = (method: string): string => serverText('trader', `method.${method}`);

/** Where a movement comes from and goes to, in a line. */
export function useOperationNote(): (op: Operation) => string {
  const { t } = useTranslation('trader');
  const place = usePlaceText();
  return (op) => {
    if (op.kind === 'deposit') return t('op.deposit_note', { method: methodText(op.method ?? ''), to: place(op.to) });
    if (op.kind === 'withdrawal') return t('op.withdrawal_note', { from: place(op.from) });
    return t('op.transfer_note', { from: place(op.from), to: place(op.to) });
  };
}

/** The state of a request in the client's words; a deposit that went on to an account says so. */
export function OperationChip({ op, size }: { op: Operation; size?: 'sm' | 'md' }) {
  const { t } = useTranslation('trader');
  const left = op.deposit?.steps.some((s) => s.key === 'deposit.on_trading_account' && s.state === 'failed');
  if (op.kind === 'deposit' && op.state === 'posted' && op.to && !left) return <Chip tone="good" label={t('op.credited')} size={size} />;
  return <StatusChip kind={op.kind} value={op.state} audience="client" size={size} />;
}

/** The step a request is at, in words. */
export function currentStep(op: Operation): string | null {
  const steps = op.deposit?.steps ?? op.withdrawal?.steps;
  const at = steps?.find((s) => s.state === 'current') ?? steps?.find((s) => s.state === 'failed');
  if (!at) return null;
  return at.detail ? detailText(at.detail) : stepName(at.key, at.state);
}

export function OperationRow({ op, step }: { op: Operation; /** Says where it stands, in place of the way it takes. */ step?: boolean }) {
  const { t } = useTranslation('trader');
  const note = useOperationNote();
  const Icon = icons[op.kind];
  const shown = step ? (currentStep(op) ?? note(op)) : note(op);
  return (
    <Link to={addressOf(op)} className={classes.row}>
      <span className={classes.rowIcon} data-tone={op.failed ? 'warn' : op.kind === 'deposit' ? 'good' : 'info'}>
        <Icon size={18} aria-hidden />
      </span>
      <span className={classes.rowText}>
        <span className={classes.rowTitle}>{t(`op.${op.kind}`)}</span>
        <span className={classes.rowNote}>{shown}</span>
        <span className={classes.rowNote}>
          <When us={op.at} />
        </span>
      </span>
      <span className={classes.rowEnd}>
        <Money value={op.amount} strong />
        <OperationChip op={op} size="sm" />
      </span>
    </Link>
  );
}

/** Name and value pairs before the last tap, and on the page of a request. */
export function Review({ items }: { items: readonly ({ label: ReactNode; value: ReactNode; strong?: boolean } | false | null | undefined)[] }) {
  return (
    <dl className={classes.review}>
      {items.map((item, at) =>
        item ? (
          <div key={at} data-strong={item.strong || undefined}>
            <dt>{item.label}</dt>
            <dd>{item.value}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

/** A moment with its zone, for sentences. */
export function useMoment(): (us: number) => string {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  return (us) => whenText(i18n.language, us, zone);
}

/** The warning the licence asks for, where money is risked. */
export function RiskWarning() {
  const { i18n } = useTranslation();
  const { boot } = useSession();
  const text = legalText(boot, 'risk_warning', i18n.language);
  return text ? <p className={classes.risk}>{text}</p> : null;
}

/** One of a few, as cards large enough for a thumb. */
export function Choices({ legend, name, value, onChange, options }: { legend: string; name: string; value: string | null; onChange: (value: string) => void; options: readonly { value: string; name: ReactNode; notes?: readonly (ReactNode | null)[]; disabled?: boolean }[] }) {
  return (
    <fieldset className={classes.set}>
      <legend>{legend}</legend>
      <div className={classes.choices}>
        {options.map((o) => (
          <label key={o.value} className={classes.choice}>
            <input type="radio" name={name} value={o.value} checked={value === o.value} disabled={o.disabled} onChange={() => onChange(o.value)} />
            <span className={classes.choiceName}>{o.name}</span>
            {o.notes?.map((note, at) =>
              note ? (
                <span key={at} className={classes.choiceNote}>
                  {note}
                </span>
              ) : null,
            )}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
