import type { ReactNode } from 'react';
import { Value } from './Masked';
import classes from './show.module.css';

export interface KeyValueItem {
  label: ReactNode;
  value: ReactNode;
  /** Left out when there is nothing to show; otherwise a dash says so. */
  optional?: boolean;
}

/** Facts of a record, label beside value; below each other where it is narrow. */
export function KeyValue({ items }: { items: readonly (KeyValueItem | false | null | undefined)[] }) {
  return (
    <div className={classes.kvWrap}>
      <dl className={classes.kv}>
        {items.map((item, at) => {
          if (!item) return null;
          const empty = item.value === null || item.value === undefined || item.value === '';
          if (item.optional && empty) return null;
          const plain = typeof item.value === 'string' || typeof item.value === 'number' || empty;
          return [
            <dt key={`t${at}`}>{item.label}</dt>,
            <dd key={`d${at}`}>{plain ? <Value>{item.value as string | number | null}</Value> : item.value}</dd>,
          ];
        })}
      </dl>
    </div>
  );
}
