import type { components } from '@qd/api';
import { hasText, list, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, DataTable, EmptyState, KeyValue, When, type Column } from '@qd/ui';
import { useMemo } from 'react';
import { Build } from './Build';

type Health = components['schemas']['TradingServerHealth'];
type Capability = components['schemas']['PlatformCapability'];

const TONES = { yes: 'good', partly: 'warn', no: 'idle' } as const;

/** What the connector can do with this server, in its own word, and what it was tested against. */
export function Connector({ of }: { of: Health }) {
  const { t, i18n } = useTranslation('office-servers');
  const { server: s, connector: c } = of;
  const columns = useMemo<readonly Column<Capability>[]>(
    () => [
      { id: 'what', header: t('capability'), width: 420, fixed: true, cell: (r) => (hasText('office-servers', `can.${r.capability}`) ? serverText('office-servers', `can.${r.capability}`) : plain(r.capability)) },
      {
        id: 'how',
        header: t('support'),
        width: 180,
        card: 'side',
        cell: (r) => {
          const how = r.support === 'yes' || r.support === 'partly' ? r.support : 'no';
          return <Chip size="sm" tone={TONES[how]} label={t(`supports.${how}`)} />;
        },
      },
    ],
    [t],
  );
  return (
    <>
      <Card title={t('connector')}>
        <KeyValue
          items={[
            { label: t('api'), value: c ? <bdi dir="ltr">{c.api}</bdi> : null },
            { label: t('build'), value: <Build of={s} /> },
            { label: t('testedBuilds'), value: c && c.builds.length > 0 ? <bdi dir="ltr">{list(i18n.language, c.builds.map((b) => (b.from === b.to ? String(b.from) : `${b.from}–${b.to}`)))}</bdi> : null },
            { label: t('groups'), value: <bdi dir="ltr" className="qd-mono">{s.group_mask}</bdi> },
            { label: t('entity'), value: <bdi>{s.entity.toUpperCase()}</bdi> },
            { label: t('lastOk'), value: <When us={s.last_ok_at_us} as="full" /> },
            { label: t('lastError'), value: s.last_error ? <><bdi dir="auto">{s.last_error}</bdi> · <When us={s.last_error_at_us} /></> : null, optional: true },
          ]}
        />
      </Card>
      {c ? (
        <Card title={t('capabilities')} flush>
          <DataTable id="server-capabilities" inline label={t('capabilities')} columns={columns} rows={c.capabilities} rowId={(r) => r.capability} />
        </Card>
      ) : (
        <EmptyState title={t('noConnector')} text={t('noConnectorText')} />
      )}
    </>
  );
}
