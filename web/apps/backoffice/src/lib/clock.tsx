import { useTranslation } from '@qd/i18n';
import { Chip, useNow, When } from '@qd/ui';

/** When something is due; past that, a chip says so as well. */
export function Due({ us, done }: { us: number | null | undefined; done?: boolean }) {
  const { t } = useTranslation('office-money');
  const now = useNow();
  if (us === null || us === undefined) return <span className="qd-muted">–</span>;
  return (
    <span style={{ display: 'inline-flex', gap: '0.4rem', alignItems: 'center', flexWrap: 'wrap' }}>
      {!done && us / 1000 < now ? <Chip tone="bad" size="sm" label={t('overdue')} /> : null}
      <When us={us} />
    </span>
  );
}
