import { useTranslation } from '@qd/i18n';
import { Diff, When } from '@qd/ui';
import { Named, useNames } from '../../lib/names';
import classes from './settings.module.css';

export interface Kept {
  version: number;
  changed_at_us: number;
  changed_by: string;
  reason: string;
  doc: unknown;
}

const asFields = (doc: unknown): Record<string, unknown> => (doc !== null && typeof doc === 'object' && !Array.isArray(doc) ? (doc as Record<string, unknown>) : { value: doc });
const unread = ['version', 'changed_at_us', 'changed_by', 'updated_at_us', 'id'];

/** All versions, the newest first, each as what it changed. */
export function History({ versions, label }: { versions: readonly Kept[]; label?: (field: string) => string }) {
  const { t } = useTranslation('office-house');
  const name = useNames(versions.map((v) => v.changed_by));
  if (versions.length === 0) return <p className="qd-muted">{t('noHistory')}</p>;
  return (
    <ol className={classes.history}>
      {versions.map((v, at) => {
        const before = versions[at + 1];
        return (
          <li key={v.version}>
            <p className={classes.line}>
              <strong>{t('versionN', { version: v.version })}</strong> · <When us={v.changed_at_us} as="full" /> ·{' '}
              <Named id={v.changed_by} name={v.changed_by.startsWith('system') ? t('system') : name(v.changed_by)} />
            </p>
            {v.reason && <p className={classes.line} dir="auto">{v.reason}</p>}
            {before ? <Diff before={asFields(before.doc)} after={asFields(v.doc)} hide={unread} label={label} /> : <p className="qd-muted">{t('firstVersion')}</p>}
          </li>
        );
      })}
    </ol>
  );
}
