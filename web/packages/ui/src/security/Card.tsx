import type { ReactNode } from 'react';
import classes from './security.module.css';

export function Card({ title, text, action, children }: { title: string; text?: ReactNode; action?: ReactNode; children?: ReactNode }) {
  return (
    <section className={classes.card}>
      <div className={classes.cardHead}>
        <div>
          <h2>{title}</h2>
          {text && <p>{text}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}
