import { Button, SegmentedControl, Select, useMantineColorScheme } from '@mantine/core';
import { legalText } from '@qd/api';
import { builtLanguages, changeLanguage, languageOf, useTranslation } from '@qd/i18n';
import { Card, KeyValue, Page, setPrefs, usePrefs, useZone } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useRecord } from '../../lib/queries';
import classes from '../../lib/room.module.css';
import { Consents } from './Consents';

const uses = ['terms', 'privacy', 'risk_warning'] as const;

/** How it looks, whose clock it shows, what was agreed. */
export function Settings() {
  const { t, i18n } = useTranslation('trader-care');
  const { boot, me } = useSession();
  const record = useRecord();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const prefs = usePrefs();
  const { zone, zones } = useZone();
  const offered = builtLanguages().filter((code) => !boot || boot.languages.length === 0 || boot.languages.includes(code));
  const person = record.data;
  return (
    <Page title={t('settings.title')} width="text">
      <Card title={t('settings.look')}>
        <Select
          size="md"
          label={t('settings.language')}
          data={offered.map((code) => ({ value: code, label: languageOf(code).name }))}
          value={i18n.language}
          onChange={(code) => code && void changeLanguage(code)}
        />
        <div>
          <p className={classes.note} id="scheme">
            {t('settings.scheme')}
          </p>
          <SegmentedControl
            fullWidth
            aria-labelledby="scheme"
            value={colorScheme}
            onChange={(v) => setColorScheme(v as 'auto' | 'light' | 'dark')}
            data={(['auto', 'light', 'dark'] as const).map((value) => ({ value, label: t(`settings.schemes.${value}`) }))}
          />
        </div>
        <Select
          size="md"
          label={t('settings.zone')}
          description={t('settings.zone_now', { zone })}
          data={[
            { value: 'mine', label: t('settings.zones.mine') },
            ...(zones.server ? [{ value: 'server', label: t('settings.zones.server') }] : []),
            { value: 'utc', label: 'UTC' },
          ]}
          value={prefs.zone}
          onChange={(v) => v && setPrefs({ zone: v as 'mine' })}
        />
      </Card>
      <Card
        title={t('settings.me')}
        actions={
          <Button component={Link} to="/profile" variant="default" size="compact-md">
            {t('settings.security')}
          </Button>
        }
      >
        <KeyValue
          items={[
            { label: t('settings.name'), value: person?.name ? <bdi>{person.name}</bdi> : null },
            { label: t('settings.email'), value: person?.email ? <bdi>{person.email}</bdi> : null },
            { label: t('settings.phone'), value: person?.phone ? <bdi dir="ltr">{person.phone}</bdi> : null },
            { label: t('settings.second_factor'), value: t(me.second_factor ? 'settings.on' : 'settings.off') },
          ]}
        />
        <p className={classes.note}>{t('settings.change_text')}</p>
      </Card>
      {(!boot || boot.modules.includes('partner')) && (
        <Card title={t('partner.title')}>
          <p className={classes.note}>{t('partner.teaser')}</p>
          <div>
            <Button component={Link} to="/partnership" variant="default">
              {t('partner.open')}
            </Button>
          </div>
        </Card>
      )}
      <Consents />
      <Card title={t('settings.legal')}>
        <p className={classes.note}>{boot?.entity.name}</p>
        {uses.map((use) => {
          const text = legalText(boot, use, i18n.language);
          return text ? (
            <details key={use}>
              <summary>{t(`settings.texts.${use}`)}</summary>
              <p style={{ whiteSpace: 'pre-wrap' }}>{text}</p>
            </details>
          ) : null;
        })}
      </Card>
    </Page>
  );
}
