import type { Schema } from '@qd/api';
import { hasText, serverText } from '@qd/i18n';
import { Price } from '@qd/ui';
import { Fragment } from 'react';
import { Formula } from './Explanation';

type Story = Schema<'CommissionExplanation'>;
interface Part {
  op: string;
  value: string;
  unit?: string;
  of: string;
}

const signs: Record<string, string> = { times: '×', less: '−', plus: '+', over: '÷', equals: '=', cut_to: '→' };
const unitText = (unit: string): string => (hasText('office-plans', `part.unit.${unit}`) ? serverText('office-plans', `part.unit.${unit}`) : unit);
const ofText = (of: string): string | undefined => (hasText('office-plans', `part.of.${of}`) ? serverText('office-plans', `part.of.${of}`) : undefined);

/** How an amount was worked out, part by part in the reader's language; older lines have only the engine's sentence. */
export function Steps({ explanation: e }: { explanation: Story }) {
  const parts = ((e as unknown as { steps?: Part[] }).steps ?? []) as readonly Part[];
  if (parts.length === 0) return <bdi dir="ltr"><Formula text={e.formula} /></bdi>;
  return (
    <bdi dir="ltr">
      {parts.map((p, at) => (
        <Fragment key={at}>
          {at > 0 && ` ${signs[p.op] ?? p.op} `}
          <span title={ofText(p.of)}><Price value={p.value} />{p.unit ? ` ${unitText(p.unit)}` : ''}</span>
        </Fragment>
      ))}
    </bdi>
  );
}
