import { Button, Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { duration, useTranslation } from '@qd/i18n';
import { Card, Changed, Chip, CopyId, Drawer, ErrorState, KeyValue, Money, Notice, statusText, toneOf, useShortcuts, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState } from 'react';
import { ClientLink, Named, useNames } from '../../lib/names';
import { To } from '../../lib/To';
import { Explain } from './Explain';

interface Props {
  id: string | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
}

/** One break: what differs, why, whose it is; and the explanation, with or without a correcting entry. */
export function BreakPeek({ id, ...drawer }: Props) {
  const { t, i18n } = useTranslation('office-recon');
  const record = useApiQuery('/api/v1/reconciliation/breaks/{id}', id ? { path: { id } } : null, { live: 'mark' });
  const may = useCan('ledger.adjust');
  const [explaining, setExplaining] = useState(false);
  const b = record.data;
  const at = b?.correction?.counter;
  const ofClient = at && 'client_id' in at ? at.client_id : null;
  const name = useNames([b?.client_id, b?.explained_by, ofClient]);
  const ready = may && b?.state === 'open';
  useShortcuts([{ keys: 'e', label: t('explain'), group: t('one'), run: () => setExplaining(true), enabled: ready && !explaining }]);
  return (
    <Drawer
      opened={!!id}
      size="lg"
      {...drawer}
      title={b ? t(`kinds.${b.kind}`) : t('one')}
      aside={b && <Chip tone={toneOf('break', b.state)} label={t(`breakState.${b.state}`)} />}
      footer={ready ? <Button onClick={() => setExplaining(true)} aria-keyshortcuts="e">{t('explain')}</Button> : undefined}
    >
      {record.error && !b ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : !b ? (
        <Skeleton height={240} />
      ) : (
        <>
          <Changed waiting={record.waiting} onShow={() => void record.showNew()} />
          {b.state === 'deciding' && (
            <Notice tone="warn" title={t('deciding')}>
              {b.approval_id ? <To to={`/approvals/${b.approval_id}`}>{t('toApproval')}</To> : null}
            </Notice>
          )}
          <Card title={t('cause')}>
            <p dir="auto" style={{ margin: 0 }}>{b.cause}</p>
            <KeyValue
              items={[
                { label: t('difference'), value: <Money value={b.difference} signed strong /> },
                { label: t('differenceIs'), value: t(`sides.${b.side}`) },
                { label: t('party'), value: <bdi>{b.party}</bdi> },
                { label: t('entity'), value: <bdi>{b.entity.toUpperCase()}</bdi> },
                { label: t('owner'), value: statusText('role', b.owner_role) },
                { label: t('ageOf'), value: duration(i18n.language, b.age_s) },
                { label: t('opened'), value: <When us={b.opened_at_us} as="full" /> },
                { label: t('client'), value: b.client_id ? <ClientLink id={b.client_id} name={name(b.client_id)} /> : null, optional: true },
                { label: t('file'), value: b.file_id ? <To to={`/reconciliation/files/${b.file_id}`}>{t('toFile')}</To> : null, optional: true },
                { label: t('entry'), value: b.entry_id ? <To to={`/ledger/entries/${b.entry_id}`}>{t('toEntry')}</To> : null, optional: true },
                { label: t('id'), value: <CopyId id={b.id} /> },
              ]}
            />
          </Card>
          {b.how && (
            <Card title={t('how')}>
              <p dir="auto" style={{ margin: 0 }}>{b.how}</p>
              <KeyValue
                items={[
                  { label: t('explainedBy'), value: b.explained_by ? <Named id={b.explained_by} name={name(b.explained_by)} /> : t('byItself') },
                  { label: t('counter'), value: at ? t(`at.${at.place}`) : null, optional: true },
                  { label: t('correctedFor'), value: ofClient ? <ClientLink id={ofClient} name={name(ofClient)} /> : null, optional: true },
                  { label: t('correctionEntry'), value: b.correction_entry ? <To to={`/ledger/entries/${b.correction_entry}`}>{t('toEntry')}</To> : null, optional: true },
                  { label: t('closed'), value: b.closed_at_us ? <When us={b.closed_at_us} as="full" /> : null, optional: true },
                ]}
              />
            </Card>
          )}
          <Explain of={b} opened={explaining} onClose={() => setExplaining(false)} />
        </>
      )}
    </Drawer>
  );
}
