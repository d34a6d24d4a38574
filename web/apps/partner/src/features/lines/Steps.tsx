import type { Schema } from '@qd/api';
import { hasText, number, serverText, useTranslation } from '@qd/i18n';
import { Fragment } from 'react';
import classes from './lines.module.css';

type Story = Schema<'CommissionExplanation'>;
type Part = NonNullable<Story['steps']>[number];

const signs: Record<string, string> = { start: '', times: '×', less: '−', plus: '+', over: '÷', equals: '=', cut_to: '→' };

function valueText(lang: string, p: Part): string {
  if (!/^-?\d+(\.\d+)?$/.test(p.value)) return p.value;
  const digits = p.value.split('.')[1]?.length ?? 0;
  return number(lang, p.value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
const unitText = (unit: string | undefined): string => (unit ? (hasText('partner-why', `unit.${unit}`) ? serverText('partner-why', `unit.${unit}`) : unit) : '');
const ofText = (of: string): string => (hasText('partner-why', `of.${of}`) ? serverText('partner-why', `of.${of}`) : '');

/** How an amount came about on one line; lines from before have only the engine's sentence. */
export function StepsText({ explanation: e }: { explanation: Story }) {
  const { i18n } = useTranslation('partner-why');
  const parts = e.steps ?? [];
  if (parts.length === 0) return <bdi dir="ltr">{e.formula}</bdi>;
  return (
    <bdi dir="ltr">
      {parts.map((p, at) => (
        <Fragment key={at}>
          {at > 0 && ` ${signs[p.op] ?? p.op} `}
          {valueText(i18n.language, p)}
          {p.unit && unitText(p.unit) ? ` ${unitText(p.unit)}` : ''}
        </Fragment>
      ))}
    </bdi>
  );
}

/** The same, one step below the other, each with what it is. */
export function StepsTable({ explanation: e }: { explanation: Story }) {
  const { i18n } = useTranslation('partner-why');
  const parts = e.steps ?? [];
  if (parts.length === 0) return null;
  return (
    <table className={classes.steps}>
      <tbody>
        {parts.map((p, at) => (
          <tr key={at} data-op={p.op}>
            <th scope="row">{ofText(p.of)}</th>
            <td>
              <bdi dir="ltr">
                {signs[p.op] ? `${signs[p.op]} ` : ''}
                {valueText(i18n.language, p)}
                {unitText(p.unit) ? ` ${unitText(p.unit)}` : ''}
              </bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
