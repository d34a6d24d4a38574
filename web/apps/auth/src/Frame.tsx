import { ActionIcon, NativeSelect, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { type Boot, legalText } from '@qd/api';
import { builtLanguages, changeLanguage, country, languageOf, useTranslation } from '@qd/i18n';
import { IconMoon, IconSun } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './Frame.module.css';

interface FrameProps {
  boot: Boot | undefined;
  staff: boolean;
  children: ReactNode;
  /** Beside or below the form: demo sign-ins. */
  aside?: ReactNode;
}

/** The brand, one card, and below it who stands behind the brand. */
export function Frame({ boot, staff, children, aside }: FrameProps) {
  const { t, i18n } = useTranslation('auth');
  const name = boot?.brand.name ?? document.querySelector<HTMLMetaElement>('meta[name="qd-brand"]')?.content ?? '';
  const warning = legalText(boot, 'risk_warning', i18n.language);
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <a href={staff ? '/office' : '/'} className={classes.brand}>
          <img src={boot?.brand.logo_url ?? '/brand/logo.svg'} alt="" className={classes.logo} height={32} />
          <bdi>{name}</bdi>
        </a>
        <div className={classes.tools}>
          <Language boot={boot} staff={staff} />
          <Scheme />
        </div>
      </header>
      <main className={classes.main} data-aside={aside ? true : undefined}>
        <div className={classes.card}>{children}</div>
        {aside}
      </main>
      {!staff && boot && (
        <footer className={classes.foot}>
          {warning && <p dir="auto">{plainText(warning)}</p>}
          <p>
            {t('foot.entity', { entity: boot.entity.name, country: country(i18n.language, boot.entity.country), regulator: boot.entity.regulator })}
          </p>
          <nav aria-label={t('foot.legal')}>
            {boot.texts.map((text) => (
              <a key={text.use} href={`${text.url}?lang=${i18n.language}`} target="_blank" rel="noopener">
                {legalName(t, text.use)}
              </a>
            ))}
            {boot.brand.support_email && (
              <a href={`mailto:${boot.brand.support_email}`}>
                <bdi>{boot.brand.support_email}</bdi>
              </a>
            )}
          </nav>
        </footer>
      )}
    </div>
  );
}

type T = ReturnType<typeof useTranslation<'auth'>>['t'];

/** The name of a legal text; an unknown one goes by its code. */
export function legalName(t: T, use: string): string {
  switch (use) {
    case 'terms':
      return t('legal.terms');
    case 'privacy':
      return t('legal.privacy');
    case 'risk_warning':
      return t('legal.risk_warning');
    default:
      return use.replaceAll('_', ' ');
  }
}

/** The catalogue's legal texts may carry marks of Markdown; here they are one line. */
function plainText(text: string): string {
  return text.replace(/^#+\s.*$/gm, '').replace(/[*_`]/g, '').replace(/\s+/g, ' ').trim();
}

function Language({ boot, staff }: { boot: Boot | undefined; staff: boolean }) {
  const { t, i18n } = useTranslation('auth');
  const offered = (staff ? boot?.house_languages : boot?.languages) ?? [];
  const built = builtLanguages();
  const codes = built.filter((l) => offered.length === 0 || offered.includes(l) || l === i18n.language);
  if (codes.length < 2) return null;
  return (
    <NativeSelect
      aria-label={t('language')}
      size="xs"
      value={i18n.language}
      onChange={(e) => void changeLanguage(e.currentTarget.value)}
      data={codes.map((c) => ({ value: c, label: languageOf(c).name }))}
    />
  );
}

function Scheme() {
  const { t } = useTranslation('auth');
  const dark = useComputedColorScheme('light') === 'dark';
  const { setColorScheme } = useMantineColorScheme();
  const label = dark ? t('scheme_light') : t('scheme_dark');
  return (
    <ActionIcon variant="default" size={30} aria-label={label} title={label} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
      {dark ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
    </ActionIcon>
  );
}
