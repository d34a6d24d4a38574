import { IconCheck, IconInfoCircle, IconMailCheck } from '@tabler/icons-react';
import { type ReactNode, useEffect } from 'react';
import classes from './Frame.module.css';

interface PageProps {
  title: string;
  lead?: ReactNode;
  children?: ReactNode;
}

/** The head of the card; the browser's title says the same. */
export function Page({ title, lead, children }: PageProps) {
  useTitle(title);
  return (
    <>
      <h1 className={classes.title}>{title}</h1>
      {lead && <p className={classes.lead}>{lead}</p>}
      {children}
    </>
  );
}

/** A page that says how something went. */
export function Result({ title, lead, children, tone = 'good' }: PageProps & { tone?: 'good' | 'warn' | 'info' }) {
  useTitle(title);
  const Icon = tone === 'good' ? IconCheck : tone === 'info' ? IconMailCheck : IconInfoCircle;
  return (
    <div className={classes.big} role="status">
      <span className={classes.bigIcon} data-tone={tone}>
        <Icon size={26} aria-hidden />
      </span>
      <h1 className={classes.title}>{title}</h1>
      {lead && <p className={classes.lead}>{lead}</p>}
      {children}
    </div>
  );
}

export function Note({ children, tone = 'good' }: { children: ReactNode; tone?: 'good' | 'warn' }) {
  const Icon = tone === 'good' ? IconCheck : IconInfoCircle;
  return (
    <div className={classes.note} data-tone={tone} role="status">
      <Icon size={18} aria-hidden />
      <p>{children}</p>
    </div>
  );
}

function useTitle(title: string) {
  useEffect(() => {
    const brand = document.querySelector<HTMLMetaElement>('meta[name="qd-brand"]')?.content;
    document.title = brand ? `${title} · ${brand}` : title;
  }, [title]);
}
