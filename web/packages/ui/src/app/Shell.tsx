import { asApiError, can, LiveProvider, mustSecure, signInAddress, useApiQuery, useBoot, useMe, useSignOut } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Outlet, useMatches, useNavigate, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { AppFrame, useNavKeys } from '../frame/AppFrame';
import { UserMenu } from '../frame/UserMenu';
import { openPalette, usePaletteKeys } from '../keys/Palette';
import { ShortcutsDialog } from '../keys/ShortcutsDialog';
import { ErrorBoundary } from '../provider/ErrorBoundary';
import { StepUpProvider } from '../security/StepUp';
import { ZoneProvider } from '../show/When';
import { ErrorState } from '../state/ErrorState';
import { Bell } from './Bell';
import type { Feature, Portal } from './feature';
import { NotForRole, WrongPortal } from './pages';
import { FrameSkeleton, PageSkeleton } from './Skeletons';
import { SessionContext } from './session';
import { statusRoles } from './roles';

const OfficePalette = lazy(() => import('./OfficePalette'));
const MustSecure = lazy(() => import('./MustSecure'));

/** The frame of a portal, round every screen: session, rights, live updates, navigation. */
export function makeShell(portal: Portal, features: readonly Feature[]) {
  return function Shell() {
    const me = useMe();
    const boot = useBoot();
    const isClient = me.data?.kind === 'client';
    const record = useApiQuery('/api/v1/me', isClient ? {} : null, { staleTime: 5 * 60_000 });
    const signOut = useSignOut();
    const { t } = useTranslation('common');
    if (me.error && !me.data) {
      // A lost session is on its way to the door already.
      if (asApiError(me.error).status === 401) return <FrameSkeleton />;
      return <ErrorState error={me.error} onRetry={() => void me.refetch()} page />;
    }
    if (!me.data) return <FrameSkeleton />;
    if (isClient !== (portal.who === 'client')) {
      return isClient ? <WrongPortal to="/" label={t('pages.to_trader')} /> : <WrongPortal to="/office" label={t('pages.to_office')} />;
    }
    if (mustSecure(me.data)) {
      return (
        <Suspense fallback={<FrameSkeleton />}>
          <MustSecure onSignOut={signOut} onDone={() => void me.refetch()} />
        </Suspense>
      );
    }
    const name = record.data?.name ?? (isClient ? '' : me.data.name);
    return (
      <SessionContext value={{ me: me.data, boot: boot.data, name }}>
        <ZoneProvider server={boot.data?.brand.zone}>
          <LiveProvider identity={me.data.id}>
            <StepUpProvider>
              <Framed portal={portal} features={features} name={name} onSignOut={signOut} />
            </StepUpProvider>
          </LiveProvider>
        </ZoneProvider>
      </SessionContext>
    );
  };
}

const none: readonly never[] = [];

interface FramedProps {
  portal: Portal;
  features: readonly Feature[];
  name: string;
  onSignOut: () => void;
}

function Framed({ portal, features, name, onSignOut }: FramedProps) {
  const me = useMe().data;
  const boot = useBoot().data;
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const pending = useRouterState({ select: (s) => s.isLoading && s.matches.length === 0 });
  const needed = useMatches({ select: (matches) => matches.at(-1)?.staticData.rights });
  const allowed = (rights: readonly string[] | undefined) => !rights || rights.some((right) => can(me, right));
  // The portal is fixed for the life of the page, so this is the same hook at each render.
  const more = portal.useMoreNav?.() ?? none;
  const nav = useMemo(
    () => [...features.flatMap((f) => f.nav ?? []), ...more].filter((n) => allowed(n.rights)).sort((a, b) => (a.order ?? 50) - (b.order ?? 50)),
    // eslint-disable-next-line
    [features, me, more],
  );
  const go = (to: string) => void navigate({ to });
  useNavKeys(portal.desk ? nav : [], go);
  usePaletteKeys(!!portal.palette);
  const open = (object: string | null | undefined) => {
    const to = object ? portal.addressOf?.(object) : null;
    if (to) go(to);
  };
  return (
    <AppFrame
      brand={{ name: boot?.brand.name || document.querySelector<HTMLMetaElement>('meta[name="qd-brand"]')?.content || '', logo: boot?.brand.logo_url }}
      portal={portal.name?.()}
      nav={nav}
      groups={portal.groups?.()}
      onSearch={portal.palette ? openPalette : undefined}
      bell={<Bell announce={portal.desk} open={(note) => open(note.object)} />}
      bottomBar={portal.bottomBar}
      above={portal.above?.()}
      user={
        <UserMenu
          name={name || '·'}
          detail={me?.kind === 'staff' ? statusRoles(me.roles) : undefined}
          languages={portal.who === 'client' ? boot?.languages : boot?.house_languages}
          onProfile={() => go('/profile')}
          onSignOut={onSignOut}
          desk={portal.desk}
        />
      }
    >
      <ErrorBoundary resetKey={path}>
        <Suspense fallback={<PageSkeleton />}>{pending ? <PageSkeleton /> : allowed(needed) ? <Outlet /> : <NotForRole rights={needed ?? []} />}</Suspense>
      </ErrorBoundary>
      {portal.desk && <ShortcutsDialog />}
      {portal.palette && (
        <Suspense>
          <OfficePalette portal={portal} features={features} nav={nav} go={go} onSignOut={onSignOut} />
        </Suspense>
      )}
    </AppFrame>
  );
}

export const doorOf = signInAddress;
