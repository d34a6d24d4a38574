import { useApiQuery } from '@qd/api';
import { useDebouncedValue } from '@mantine/hooks';
import { country, useTranslation } from '@qd/i18n';
import { IconArrowRight, IconLogout, IconMoon, IconUser } from '@tabler/icons-react';
import { useState } from 'react';
import type { NavItem } from '../frame/nav';
import { Palette, type PaletteGroup } from '../keys/Palette';
import { setPrefs } from '../provider/prefs';
import { StatusChip } from '../show/StatusChip';
import type { Feature, Portal } from './feature';
import { useSession } from './session';
import { can } from '@qd/api';
import { useMantineColorScheme } from '@mantine/core';

interface Props {
  portal: Portal;
  features: readonly Feature[];
  nav: readonly NavItem[];
  go: (to: string) => void;
  onSignOut: () => void;
}

/** Ctrl+K of the back office: clients by anything that names them, screens, actions. */
export default function OfficePalette({ portal, features, nav, go, onSignOut }: Props) {
  const { t, i18n } = useTranslation('common');
  const { me } = useSession();
  const { setColorScheme, colorScheme } = useMantineColorScheme();
  const [query, setQuery] = useState('');
  const [asked] = useDebouncedValue(query.trim(), 180);
  const mayFind = can(me, 'clients.search');
  const found = useApiQuery('/api/v1/search', mayFind && asked.length >= 2 ? { query: { q: asked } } : null, { live: 'off', staleTime: 10_000 });
  const people = found.data?.items ?? [];
  const open = (object: string) => {
    const to = portal.addressOf?.(object);
    if (to) go(to);
  };
  const groups: PaletteGroup[] = [
    {
      name: t('palette.clients'),
      found: true,
      items: (asked.length >= 2 ? people : []).map((p) => ({
        id: p.id,
        label: p.name,
        text: (
          <>
            <bdi>{p.email ?? ''}</bdi> {country(i18n.language, p.country)} <StatusChip kind="stage" value={p.stage} size="sm" />
          </>
        ),
        icon: <IconUser size={17} aria-hidden />,
        run: () => open(`client:${p.id}`),
      })),
    },
    {
      name: t('palette.actions'),
      items: [
        ...features.flatMap((f) => f.actions?.(go) ?? []).filter((a) => !a.rights || a.rights.some((r) => can(me, r))),
        {
          id: 'scheme',
          label: t('palette.scheme'),
          words: 'dark light dunkel hell',
          icon: <IconMoon size={17} aria-hidden />,
          run: () => setColorScheme(colorScheme === 'dark' ? 'light' : 'dark'),
        },
        { id: 'compact', label: t('user.compact'), words: 'density', run: () => setPrefs({ density: 'compact' }) },
        { id: 'out', label: t('user.sign_out'), icon: <IconLogout size={17} aria-hidden />, run: onSignOut },
      ],
    },
    {
      name: t('palette.screens'),
      items: nav.map((n) => ({ id: n.to, label: n.label(), icon: <IconArrowRight size={17} aria-hidden />, run: () => go(n.to) })),
    },
  ];
  return <Palette groups={groups} onQuery={setQuery} searching={found.isFetching} />;
}
