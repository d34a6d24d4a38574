import { useTranslation } from '@qd/i18n';
import { Link } from '@tanstack/react-router';
import { IconChevronRight } from '@tabler/icons-react';
import { useEffect, type ReactNode } from 'react';
import classes from './Page.module.css';

export interface PageProps {
  /** The one h1, and the tab's name. */
  title: string;
  /** Beside the title: chips, ids. */
  aside?: ReactNode;
  /** One line below it. */
  text?: ReactNode;
  /** Buttons; the first is the primary one. */
  actions?: ReactNode;
  /** Where this page lies: from the top down, without itself. */
  crumbs?: readonly { label: string; to: string }[];
  tabs?: ReactNode;
  children: ReactNode;
  /** A list: the table fills what is left and scrolls by itself. */
  fill?: boolean;
  /** Forms and reading matter are not as wide as the screen. */
  width?: 'full' | 'wide' | 'text';
}

/** A screen: one heading, its actions, its content. */
export function Page({ title, aside, text, actions, crumbs, tabs, children, fill, width = 'full' }: PageProps) {
  const { t } = useTranslation('common');
  useEffect(() => {
    const brand = document.querySelector<HTMLMetaElement>('meta[name="qd-brand"]')?.content;
    document.title = brand && !brand.startsWith('__') ? `${title} · ${brand}` : title;
  }, [title]);
  return (
    <div className={classes.page} data-fill={fill || undefined} data-width={width}>
      {crumbs && crumbs.length > 0 && (
        <nav aria-label={t('frame.crumbs')} className={classes.crumbs}>
          {crumbs.map((crumb) => (
            <span key={crumb.to}>
              <Link to={crumb.to}>{crumb.label}</Link>
              <IconChevronRight size={14} aria-hidden />
            </span>
          ))}
        </nav>
      )}
      <div className={classes.head}>
        <div className={classes.headText}>
          <div className={classes.titleRow}>
            <h1 className={classes.title}>
              <bdi>{title}</bdi>
            </h1>
            {aside}
          </div>
          {text && <p className={classes.text}>{text}</p>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {tabs}
      {children}
    </div>
  );
}

/** A part of a screen with a heading of its own. */
export function Card({ title, actions, children, flush }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; /** Content up to the edges: tables. */ flush?: boolean }) {
  return (
    <section className={classes.card} data-flush={flush || undefined}>
      {(title || actions) && (
        <div className={classes.cardHead}>
          {title && <h2 className={classes.cardTitle}>{title}</h2>}
          {actions && <div className={classes.actions}>{actions}</div>}
        </div>
      )}
      <div className={classes.cardBody}>{children}</div>
    </section>
  );
}

/** Cards beside each other where there is room. */
export function Cards({ children, min = '18rem' }: { children: ReactNode; min?: string }) {
  return (
    <div className={classes.cards} style={{ gridTemplateColumns: `repeat(auto-fill, minmax(min(${min}, 100%), 1fr))` }}>
      {children}
    </div>
  );
}

/** One figure with its name. */
export function Figure({ label, value, note }: { label: ReactNode; value: ReactNode; note?: ReactNode }) {
  return (
    <div className={classes.figure}>
      <span className={classes.figureLabel}>{label}</span>
      <span className={classes.figureValue}>{value}</span>
      {note && <span className={classes.figureNote}>{note}</span>}
    </div>
  );
}
