import { Tooltip } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Masked } from './Masked';
import { covered, moneyText, type MoneyFormat, type MoneyValue } from './amount';
import { number } from '@qd/i18n';
import classes from './show.module.css';

export interface MoneyProps extends MoneyFormat {
  value: MoneyValue | null | undefined;
  /** Colours a gain and a loss; the sign is there as well. */
  tone?: boolean;
  /** A converted value: marked as an estimate, with what it was made of on hover. */
  estimate?: string | true;
  strong?: boolean;
}

/** An amount: code, exact decimals, tabular digits. */
export function Money({ value, tone, estimate, strong, signed, bare }: MoneyProps) {
  const { t, i18n } = useTranslation('common');
  if (value === null || value === undefined) return <span className="qd-muted">–</span>;
  if (covered(value) || covered(value.minor)) return <Masked />;
  const minor = BigInt(value.minor);
  const text = moneyText(i18n.language, value, { signed: signed ?? tone, bare });
  const body = (
    <bdi
      dir="ltr"
      className={classes.money}
      data-tone={tone && minor !== 0n ? (minor > 0n ? 'good' : 'bad') : undefined}
      data-strong={strong || undefined}
    >
      {estimate ? '≈\u202f' : ''}
      {text}
    </bdi>
  );
  if (!estimate) return body;
  return <Tooltip label={estimate === true ? t('money.estimate') : estimate}>{body}</Tooltip>;
}

/** Volume in lots, decimal text as the server sends it. */
export function Lots({ value, unit = true }: { value: string | null | undefined; unit?: boolean }) {
  const { t, i18n } = useTranslation('common');
  if (value === null || value === undefined) return <span className="qd-muted">–</span>;
  if (covered(value)) return <Masked />;
  const decimals = Math.max(2, value.split('.')[1]?.length ?? 0);
  const text = number(i18n.language, value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return (
    <bdi dir="ltr" className={classes.money}>
      {unit ? t('money.lots', { value: text }) : text}
    </bdi>
  );
}

/** A price or rate: decimal text, shown with exactly the digits it has. */
export function Price({ value }: { value: string | null | undefined }) {
  const { i18n } = useTranslation();
  if (value === null || value === undefined) return <span className="qd-muted">–</span>;
  const decimals = value.split('.')[1]?.length ?? 0;
  return (
    <bdi dir="ltr" className={classes.money}>
      {number(i18n.language, value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })}
    </bdi>
  );
}
