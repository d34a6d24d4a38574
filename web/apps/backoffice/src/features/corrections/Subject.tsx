import { useTranslation } from '@qd/i18n';
import { CopyId } from '@qd/ui';
import { ClientLink, useNames } from '../../lib/names';
import { PartnerName } from '../partners/Chain';
import { PlanName } from '../partners/Overview';

/** `partner:par_…` as the partner's name. */
export function Subject({ subject }: { subject: string }) {
  const { t } = useTranslation('office-engine');
  const [kind, id = ''] = subject.split(/:(.*)/s);
  const name = useNames([kind === 'client' ? id : null]);
  if (kind === 'partner') return <PartnerName id={id} />;
  if (kind === 'plan') return <PlanName id={id} />;
  if (kind === 'client') return <ClientLink id={id} name={name(id)} />;
  if (kind === 'house') return <>{t('cor.house')}</>;
  return <CopyId id={id || subject} />;
}
