import { useApiQuery } from '@qd/api';
import { country, number, useTranslation } from '@qd/i18n';
import { Card, Chip, EmptyState, KeyValue, StatusChip, statusText, Timeline, When } from '@qd/ui';
import { IconPointFilled } from '@tabler/icons-react';
import { actionText } from '../audit/words';
import { Facts } from '../../lib/Facts';
import { reasonText, type Case } from './queries';
import classes from './kyc.module.css';

/** The score, what it is made of, and what was noticed around the person. */
export function Risk({ file }: { file: Case }) {
  const { t, i18n } = useTranslation('office-kyc');
  const r = file.risk;
  if (!r) return null;
  return (
    <Card title={t('riskTitle')} actions={<StatusChip kind="band" value={r.band} />}>
      <KeyValue
        items={[
          { label: t('score'), value: typeof r.score === 'number' ? number(i18n.language, r.score) : null },
          { label: t('ip'), value: r.signals.ip_country ? country(i18n.language, r.signals.ip_country) : null },
          { label: t('sameDevice'), value: r.signals.device_other_clients ? <Chip tone="bad" size="sm" label={number(i18n.language, r.signals.device_other_clients)} /> : t('none') },
          { label: t('duplicates'), value: r.signals.duplicates_open ? <Chip tone="warn" size="sm" label={number(i18n.language, r.signals.duplicates_open)} /> : t('none') },
        ]}
      />
      {r.reasons.length > 0 && (
        <ul className={classes.plain} aria-label={t('why')}>
          {r.reasons.map((code) => (
            <li key={code}>
              <Chip tone="warn" label={reasonText(code)} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** Each check that ran, with what it looked at. */
export function Checks({ file }: { file: Case }) {
  const { t } = useTranslation('office-kyc');
  const checks = file.checks ?? [];
  if (checks.length === 0) return null;
  return (
    <Card title={t('checks')}>
      <ul className={classes.plain}>
        {checks.map((c, at) => (
          <li key={`${c.kind}-${at}`}>
            <details>
              <summary>
                {statusText('check_kind', c.kind)} <StatusChip kind="check" value={c.outcome} size="sm" />
                {c.hits > 0 && <> {t('hits', { count: c.hits })}</>}
              </summary>
              <p className="qd-muted" style={{ margin: '0.3rem 0' }}>
                <When us={c.at_us} as="full" />
              </p>
              <Facts value={c.details} />
            </details>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Earlier approvals: by whom, when, and on exactly what. */
export function Earlier({ clientId }: { clientId: string }) {
  const { t } = useTranslation('office-kyc');
  const found = useApiQuery('/api/v1/clients/{id}/kyc-approvals', { path: { id: clientId } });
  const items = found.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card title={t('earlier')}>
      <ul className={classes.plain}>
        {items.map((a) => (
          <li key={a.decision.id}>
            <details>
              <summary>
                {a.automatic ? t('approvedByRule') : t('approvedBy', { name: a.by })} · <When us={a.approved_at_us} as="full" /> {a.in_force && <Chip tone="good" size="sm" label={t('inForce')} />}
              </summary>
              <p style={{ margin: '0.3rem 0' }}>{a.decision.reasons.map(reasonText).join(' · ')}</p>
              <h3 style={{ fontSize: '0.875rem', margin: '0.5rem 0 0.25rem' }}>{t('inputs')}</h3>
              <Facts value={a.decision.inputs} />
            </details>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function History({ file }: { file: Case }) {
  const { t } = useTranslation('office-kyc');
  const lines = file.history;
  if (!lines) return null;
  return (
    <Card title={t('history')}>
      {lines.length === 0 ? (
        <EmptyState title={t('noHistory')} />
      ) : (
        <Timeline
          items={[...lines].reverse().map((l, at) => ({
            id: `${l.at_us}-${at}`,
            at_us: l.at_us,
            icon: <IconPointFilled size={10} />,
            title: actionText(l.what),
            by: <bdi>{l.who.startsWith('stf_') ? l.label : /^(lgn|cli)_/.test(l.who) ? t('client') : t('byRule')}</bdi>,
            body: l.note ? <span dir="auto">{l.note}</span> : null,
          }))}
        />
      )}
    </Card>
  );
}
