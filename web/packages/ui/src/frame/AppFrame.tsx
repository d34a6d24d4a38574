import { ActionIcon, Burger, Kbd, Tooltip, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from '@qd/i18n';
import { IconDots, IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand, IconSearch } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useShortcuts } from '../keys/keys';
import { Drawer } from '../overlay/Drawer';
import { setPrefs, usePrefs } from '../provider/prefs';
import type { NavItem } from './nav';
import classes from './AppFrame.module.css';

export interface AppFrameProps {
  brand: { name: string; logo?: string };
  /** What the portal is called beside the brand: "Back Office". */
  portal?: string;
  nav: readonly NavItem[];
  groups?: readonly { id: string; label: string }[];
  /** Opens the search; absent: no search in this portal. */
  onSearch?: () => void;
  bell?: ReactNode;
  user: ReactNode;
  /** On a phone: a bar at the thumb in place of a menu button. */
  bottomBar?: boolean;
  /** Lines above the page: a risk warning, an unverified address. */
  above?: ReactNode;
  children: ReactNode;
}

/** Navigation, head, page. The page scrolls, the rest stands. */
export function AppFrame({ brand, portal, nav, groups = [], onSearch, bell, user, bottomBar, above, children }: AppFrameProps) {
  const { t } = useTranslation('common');
  const narrow = useMediaQuery('(max-width: 800px)') ?? false;
  const { navClosed } = usePrefs();
  const [menu, setMenu] = useState(false);
  const path = useRouterState({ select: (s) => s.location.pathname });
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    setMenu(false);
    main.current?.scrollTo(0, 0);
  }, [path]);

  const mac = typeof navigator !== 'undefined' && /Mac|iP/.test(navigator.platform);
  const entries = <NavEntries nav={nav} groups={groups} closed={!narrow && navClosed} />;
  const bar = bottomBar && narrow ? nav.filter((n) => n.bar).slice(0, 4) : [];
  return (
    <div className={classes.frame} data-closed={navClosed || undefined} data-bar={bar.length > 0 || undefined}>
      <a className={classes.skip} href="#main">
        {t('frame.skip')}
      </a>
      {!narrow && (
        <aside className={classes.side}>
          <div className={classes.brand}>
            <Brand brand={brand} portal={portal} closed={navClosed} />
          </div>
          <nav className={classes.nav} aria-label={t('frame.navigation')}>
            {entries}
          </nav>
          <div className={classes.sideFoot}>
            <Tooltip label={navClosed ? t('frame.wide') : t('frame.narrow')}>
              <ActionIcon variant="subtle" color="gray" onClick={() => setPrefs({ navClosed: !navClosed })} aria-label={navClosed ? t('frame.wide') : t('frame.narrow')}>
                {navClosed ? <IconLayoutSidebarLeftExpand className={classes.flip} size={18} /> : <IconLayoutSidebarLeftCollapse className={classes.flip} size={18} />}
              </ActionIcon>
            </Tooltip>
          </div>
        </aside>
      )}
      <header className={classes.header}>
        {narrow && bar.length === 0 && <Burger opened={menu} onClick={() => setMenu(true)} size="sm" aria-label={t('frame.menu')} />}
        {narrow && <Brand brand={brand} portal={undefined} closed={false} />}
        {onSearch && (
          <UnstyledButton className={classes.search} onClick={onSearch} aria-label={t('frame.search')}>
            <IconSearch size={16} aria-hidden />
            <span className={classes.searchText}>{t('frame.search')}</span>
            <span className={classes.searchKeys} dir="ltr" aria-hidden>
              <Kbd size="xs">{mac ? '⌘' : 'Ctrl'}</Kbd>
              <Kbd size="xs">K</Kbd>
            </span>
          </UnstyledButton>
        )}
        <div className={classes.headerEnd}>
          {bell}
          {user}
        </div>
      </header>
      <main id="main" ref={main} className={classes.main} tabIndex={-1}>
        {above}
        {children}
      </main>
      {bar.length > 0 && (
        <nav className={classes.bar} aria-label={t('frame.navigation')}>
          {bar.map((item) => (
            <Link key={item.to} to={item.to} className={classes.barItem} activeOptions={{ exact: item.to === '/' }}>
              <item.icon size={21} stroke={1.8} aria-hidden />
              <span>{item.label()}</span>
            </Link>
          ))}
          <UnstyledButton className={classes.barItem} onClick={() => setMenu(true)} aria-expanded={menu}>
            <IconDots size={21} stroke={1.8} aria-hidden />
            <span>{t('frame.more')}</span>
          </UnstyledButton>
        </nav>
      )}
      <Drawer opened={narrow && menu} onClose={() => setMenu(false)} title={portal ?? brand.name} modal>
        <nav aria-label={t('frame.navigation')} className={classes.navDrawer}>
          {entries}
        </nav>
      </Drawer>
    </div>
  );
}

function Brand({ brand, portal, closed }: { brand: AppFrameProps['brand']; portal: string | undefined; closed: boolean }) {
  // The brand's face arrives after the first render.
  const [logoGone, setLogoGone] = useState(false);
  return (
    <Link to="/" className={classes.brandLink} aria-label={portal ? `${brand.name}, ${portal}` : brand.name}>
      {!brand.logo || logoGone ? (
        <span className={classes.brandMark} aria-hidden>
          {brand.name.charAt(0)}
        </span>
      ) : (
        <img src={brand.logo} alt="" className={classes.logo} onError={() => setLogoGone(true)} />
      )}
      {!closed && (
        <span className={classes.brandText}>
          <bdi className={classes.brandName}>{brand.name}</bdi>
          {portal && <span className={classes.brandPortal}>{portal}</span>}
        </span>
      )}
    </Link>
  );
}

function NavEntries({ nav, groups, closed }: { nav: readonly NavItem[]; groups: readonly { id: string; label: string }[]; closed: boolean }) {
  const named = [{ id: '', label: '' }, ...groups];
  return (
    <>
      {named.map((group) => {
        const items = nav.filter((n) => (n.group ?? '') === group.id);
        if (items.length === 0) return null;
        return (
          <div key={group.id} className={classes.group} role="group" aria-label={group.label || undefined}>
            {group.label && !closed && (
              <p className={classes.groupName} aria-hidden>
                {group.label}
              </p>
            )}
            {items.map((item) => {
              const count = item.badge?.();
              const link = (
                <Link key={item.to} to={item.to} className={classes.item} activeOptions={{ exact: item.to === '/' }} aria-label={closed ? item.label() : undefined}>
                  <item.icon size={19} stroke={1.7} aria-hidden />
                  {!closed && <span className={classes.itemText}>{item.label()}</span>}
                  {count ? <span className={classes.badge}>{count > 99 ? '99+' : count}</span> : null}
                </Link>
              );
              return closed ? (
                <Tooltip key={item.to} label={item.label()} position="right">
                  {link}
                </Tooltip>
              ) : (
                link
              );
            })}
          </div>
        );
      })}
    </>
  );
}

/** "G then a letter" for every entry that has one. */
export function useNavKeys(nav: readonly NavItem[], go: (to: string) => void): void {
  const { t } = useTranslation('common');
  useShortcuts(nav.filter((n) => n.key).map((n) => ({ keys: `g ${n.key}`, label: n.label(), group: t('keys.go'), run: () => go(n.to) })));
}
