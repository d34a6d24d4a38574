import { Menu, UnstyledButton } from '@mantine/core';
import { builtLanguages, changeLanguage, languageOf, useTranslation } from '@qd/i18n';
import { IconCheck, IconClock, IconDeviceDesktop, IconKeyboard, IconLanguage, IconLayoutRows, IconLogout, IconMoon, IconSun, IconUserCircle } from '@tabler/icons-react';
import { useMantineColorScheme } from '@mantine/core';
import { setPrefs, usePrefs, type ZoneChoice } from '../provider/prefs';
import { useZone } from '../show/When';
import classes from './UserMenu.module.css';

export interface UserMenuProps {
  name: string;
  /** A role, a mail address. */
  detail?: string;
  /** Languages the brand offers, of those this build has. */
  languages?: readonly string[];
  onLanguage?: (code: string) => void;
  onProfile: () => void;
  onSignOut: () => void;
  /** Density, zone and shortcuts: for people who sit here all day. */
  desk?: boolean;
}

/** Who I am here, and how it looks: language, colours, density, clock. */
export function UserMenu({ name, detail, languages, onLanguage, onProfile, onSignOut, desk }: UserMenuProps) {
  const { t, i18n } = useTranslation('common');
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const prefs = usePrefs();
  const { choice, zones } = useZone();
  const built = builtLanguages();
  const offered = built.filter((code) => !languages || languages.length === 0 || languages.includes(code));
  const zoneChoices: ZoneChoice[] = ['mine', ...(zones.client ? (['client'] as const) : []), ...(zones.server ? (['server'] as const) : []), 'utc'];
  const check = (on: boolean) => (on ? <IconCheck size={15} aria-hidden /> : null);
  return (
    <Menu position="bottom-end" width={260} closeOnItemClick={false}>
      <Menu.Target>
        <UnstyledButton className={classes.target} aria-label={t('user.menu', { name })}>
          <span className={classes.initials} aria-hidden>
            {initials(name)}
          </span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown mah="85vh" style={{ overflowY: 'auto' }}>
        <Menu.Label className={classes.who}>
          <bdi className={classes.name}>{name}</bdi>
          {detail && <span>{detail}</span>}
        </Menu.Label>
        <Menu.Item leftSection={<IconUserCircle size={17} aria-hidden />} onClick={onProfile} closeMenuOnClick>
          {t('user.profile')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>
          <IconLanguage size={14} aria-hidden /> {t('user.language')}
        </Menu.Label>
        {offered.map((code) => (
          <Menu.Item
            key={code}
            lang={code}
            rightSection={check(i18n.language === code)}
            onClick={() => {
              void changeLanguage(code);
              onLanguage?.(code);
            }}
          >
            {languageOf(code).name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>{t('user.look')}</Menu.Label>
        {(
          [
            ['auto', IconDeviceDesktop],
            ['light', IconSun],
            ['dark', IconMoon],
          ] as const
        ).map(([scheme, Icon]) => (
          <Menu.Item key={scheme} leftSection={<Icon size={17} aria-hidden />} rightSection={check(colorScheme === scheme)} onClick={() => setColorScheme(scheme)}>
            {t(`user.scheme.${scheme}`)}
          </Menu.Item>
        ))}
        {desk && (
          <>
            <Menu.Item
              leftSection={<IconLayoutRows size={17} aria-hidden />}
              rightSection={check(prefs.density === 'compact')}
              onClick={() => setPrefs({ density: prefs.density === 'compact' ? 'comfortable' : 'compact' })}
            >
              {t('user.compact')}
            </Menu.Item>
            <Menu.Item leftSection={<IconKeyboard size={17} aria-hidden />} rightSection={check(prefs.shortcuts)} onClick={() => setPrefs({ shortcuts: !prefs.shortcuts })}>
              {t('user.shortcuts')}
            </Menu.Item>
          </>
        )}
        <Menu.Divider />
        <Menu.Label>
          <IconClock size={14} aria-hidden /> {t('user.zone')}
        </Menu.Label>
        {zoneChoices.map((zone) => (
          <Menu.Item key={zone} rightSection={check(choice === zone)} onClick={() => setPrefs({ zone })}>
            {t(`user.zones.${zone}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={17} aria-hidden />} onClick={onSignOut} closeMenuOnClick>
          {t('user.sign_out')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** "Lukas Brenner" -> "LB". */
function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase();
}
