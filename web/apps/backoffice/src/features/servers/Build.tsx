import type { components } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Chip } from '@qd/ui';
import { healthOf } from '../connections/health';

type Server = components['schemas']['TradingServer'];

/** A pause outweighs whatever the server's last answers said. */
export const stateOf = (s: Server) => (s.paused_at_us ? 'paused' : healthOf(s));

/** The build a server states, and whether the connector was tested against it. */
export function Build({ of }: { of: Server }) {
  const { t } = useTranslation('office-servers');
  if (!of.build) return <span className="qd-muted">{t('noBuild')}</span>;
  return (
    <span style={{ display: 'inline-flex', gap: '0.4rem', alignItems: 'center', flexWrap: 'wrap' }}>
      <bdi dir="ltr">{of.build}</bdi>
      {of.build_tested !== null && <Chip size="sm" tone={of.build_tested ? 'good' : 'warn'} label={of.build_tested ? t('tested') : t('untested')} />}
    </span>
  );
}
