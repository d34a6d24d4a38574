import { Anchor, Stack } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { plain, useTranslation } from '@qd/i18n';
import { Card, CopyId, Diff, Drawer, KeyValue, Value, When } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import type { AuditRow } from './AuditPage';
import { actorText } from '../../lib/actor';
import { actionText, fieldsOf, objectOf } from './words';

interface Props {
  row: AuditRow | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
}

const unread = ['version', 'updated_at_us', 'changed_at_us'];

/** One act: what changed field by field, what the person had before their eyes, and the decision behind it. */
export function AuditPeek({ row, onClose, onPrevious, onNext }: Props) {
  const { t } = useTranslation('office-audit');
  const subject = row?.object ?? '';
  const decisions = useApiQuery('/api/v1/decisions/{subject}', row ? { path: { subject } } : null);
  const decided = decisions.data?.items.filter((d) => d.audit_id === row?.id) ?? [];
  const seen = fieldsOf(row?.seen);
  const object = row ? objectOf(row.object) : null;
  return (
    <Drawer opened={!!row} onClose={onClose} onPrevious={onPrevious} onNext={onNext} title={row ? actionText(row.action) : ''} size="lg">
      {row && (
        <Stack>
          <KeyValue
            items={[
              { label: t('col.at'), value: <When us={row.at_us} as="full" /> },
              { label: t('col.who'), value: <bdi><Value>{actorText(row.actor_label)}</Value></bdi> },
              { label: t('col.object'), value: object?.id ? <CopyId id={object.id} full /> : object?.kind },
              { label: t('col.client'), value: row.client_id ? <Anchor component={Link} to={`/clients/${row.client_id}` as never}>{t('openClient')}</Anchor> : null, optional: true },
              { label: t('col.reason'), value: row.reason ? <span dir="auto"><Value>{row.reason}</Value></span> : null, optional: true },
              { label: t('col.rule'), value: row.rule, optional: true },
              { label: t('col.ip'), value: row.ip ? <bdi dir="ltr"><Value>{row.ip}</Value></bdi> : null, optional: true },
              { label: t('col.device'), value: row.device ? <Value>{row.device}</Value> : null, optional: true },
              { label: t('col.position'), value: row.position, optional: true },
              { label: t('col.id'), value: <CopyId id={row.id} /> },
            ]}
          />
          <Card title={t('changed')}>
            <Diff before={fieldsOf(row.before)} after={fieldsOf(row.after)} hide={unread} />
          </Card>
          {seen && Object.keys(seen).length > 0 && (
            <Card title={t('seen')}>
              <Facts value={seen} />
            </Card>
          )}
          {decided.map((d) => (
            <Card key={d.id} title={t('decision')}>
              <KeyValue
                items={[
                  { label: t('outcome'), value: plain(d.outcome) },
                  { label: t('col.rule'), value: d.rule ? <bdi>{d.rule_version ? t('ruleVersion', { rule: d.rule, version: d.rule_version }) : d.rule}</bdi> : null, optional: true },
                  { label: t('reasons'), value: d.reasons.map((r) => plain(r)).join(' · '), optional: true },
                ]}
              />
              <Facts value={fieldsOf(d.inputs) ?? {}} />
            </Card>
          ))}
        </Stack>
      )}
    </Drawer>
  );
}

/** Stored facts as they were: names in plain words, values untouched. */
function Facts({ value }: { value: Record<string, unknown> }) {
  return (
    <KeyValue
      items={Object.entries(value).map(([key, v]) => ({
        label: plain(key),
        value: v === null || v === undefined || v === '' ? null : <bdi dir="auto"><Value>{typeof v === 'object' ? JSON.stringify(v) : String(v)}</Value></bdi>,
      }))}
    />
  );
}
