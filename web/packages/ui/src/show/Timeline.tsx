import { dateFormat, useTranslation } from '@qd/i18n';
import type { ReactNode } from 'react';
import { useZone, When } from './When';
import type { Tone } from './vocabulary';
import classes from './Timeline.module.css';

export interface TimelineItem {
  id: string;
  at_us: number;
  icon?: ReactNode;
  tone?: Tone;
  title: ReactNode;
  body?: ReactNode;
  /** Who did it. */
  by?: ReactNode;
}

export interface TimelineProps {
  items: readonly TimelineItem[];
  /** The entry the address points to (`#entry-id`). */
  marked?: string;
  after?: ReactNode;
}

/** A life in order, newest first, by day; each entry has an address. */
export function Timeline({ items, marked, after }: TimelineProps) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  const day = dateFormat(i18n.language, { dateStyle: 'full', timeZone: zone });
  const days: { name: string; items: TimelineItem[] }[] = [];
  for (const item of items) {
    const name = day.format(item.at_us / 1000);
    const last = days.at(-1);
    if (last?.name === name) last.items.push(item);
    else days.push({ name, items: [item] });
  }
  return (
    <div className={classes.timeline}>
      {days.map((group) => (
        <section key={group.name} className={classes.day}>
          <h3 className={classes.dayName}>{group.name}</h3>
          <ol className={classes.list}>
            {group.items.map((item) => (
              <li key={item.id} id={item.id} className={classes.item} data-marked={item.id === marked || undefined}>
                <span className={classes.icon} data-tone={item.tone ?? 'idle'} aria-hidden>
                  {item.icon}
                </span>
                <div className={classes.content}>
                  <p className={classes.head}>
                    <span className={classes.title}>{item.title}</span>
                    <span className={classes.meta}>
                      {item.by ? <span>{item.by}</span> : null}
                      <When us={item.at_us} as="time" />
                    </span>
                  </p>
                  {item.body ? <div className={classes.text}>{item.body}</div> : null}
                </div>
              </li>
            ))}
          </ol>
        </section>
      ))}
      {after}
    </div>
  );
}
