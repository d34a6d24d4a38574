import { useTranslation } from '@qd/i18n';
import { IconChevronDown, IconChevronRight, IconPointFilled } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useDirection } from '@mantine/core';
import classes from './show.module.css';

export interface WhyNode {
  key: string;
  label: ReactNode;
  /** What this step came to. */
  value?: ReactNode;
  /** How: the rule, the rate, the rounding. */
  note?: ReactNode;
  children?: readonly WhyNode[];
}

/** How a number or a decision came about: a tree, from the result down to its inputs. */
export function Why({ nodes, open = 2 }: { nodes: readonly WhyNode[]; /** Levels that are open at first. */ open?: number }) {
  return (
    <ul className={classes.why}>
      {nodes.map((node) => (
        <Branch key={node.key} node={node} open={open} />
      ))}
    </ul>
  );
}

function Branch({ node, open }: { node: WhyNode; open: number }) {
  const { t } = useTranslation('common');
  const { dir } = useDirection();
  const [shown, setShown] = useState(open > 0);
  const inner = node.children?.length ? node.children : null;
  const Closed = IconChevronRight;
  return (
    <li>
      <div className={classes.whyRow}>
        {inner ? (
          <button type="button" aria-expanded={shown} aria-label={shown ? t('why.close') : t('why.open')} onClick={() => setShown(!shown)}>
            <span className={classes.whyMark}>
              {shown ? <IconChevronDown size={14} aria-hidden /> : <Closed size={14} aria-hidden style={dir === 'rtl' ? { transform: 'scaleX(-1)' } : undefined} />}
            </span>
          </button>
        ) : (
          <span className={classes.whyMark}>
            <IconPointFilled size={8} aria-hidden />
          </span>
        )}
        <span>{node.label}</span>
        {node.value !== undefined && <span className={classes.whyValue}>{node.value}</span>}
        {node.note && <span className={classes.whyNote}>{node.note}</span>}
      </div>
      {inner && shown && <Why nodes={inner} open={open - 1} />}
    </li>
  );
}
