import { Button, Skeleton, Stack } from '@mantine/core';
import { country, languageName, useTranslation } from '@qd/i18n';
import { CopyId, Drawer, ErrorState, KeyValue, StatusChip, Value, When } from '@qd/ui';
import { useClient, type ClientRow } from './queries';

interface Props {
  id: string | undefined;
  /** What the list knows already: shown at once, before the record is there. */
  row: ClientRow | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
  onFullPage: () => void;
}

export function ClientPeek({ id, row, onClose, onPrevious, onNext, onFullPage }: Props) {
  const { t, i18n } = useTranslation('office-clients');
  const record = useClient(id);
  const whole = record.data?.client;
  const client = whole ?? row;
  return (
    <Drawer
      opened={!!id}
      onClose={onClose}
      onPrevious={onPrevious}
      onNext={onNext}
      onFullPage={onFullPage}
      footer={<Button onClick={onFullPage}>{t('peek.open')}</Button>}
      title={<bdi>{client?.name ?? t('peek.title')}</bdi>}
      aside={client?.stage ? <StatusChip kind="stage" value={client.stage} /> : undefined}
    >
      {record.error && !client ? (
        <ErrorState error={record.error} onRetry={() => void record.refetch()} />
      ) : !client ? (
        <Stack>
          <Skeleton height={20} width="50%" />
          <Skeleton height={160} />
        </Stack>
      ) : (
        <KeyValue
          items={[
            { label: t('peek.id'), value: id ? <CopyId id={id} /> : null },
            { label: t('col.email'), value: <Value mask="contact">{client.email}</Value> },
            { label: t('col.phone'), value: <Value mask="contact">{client.phone}</Value> },
            { label: t('col.country'), value: client.country ? country(i18n.language, client.country) : null },
            { label: t('col.language'), value: client.language ? languageName(i18n.language, client.language) : null },
            { label: t('col.status'), value: <StatusChip kind="lead_status" value={client.status} /> },
            { label: t('col.kyc'), value: <StatusChip kind="kyc" value={client.kyc_state} /> },
            { label: t('col.campaign'), value: client.campaign, optional: true },
            { label: t('col.entity'), value: client.entity },
            { label: t('col.created'), value: <When us={client.created_at_us} as="full" /> },
          ]}
        />
      )}
    </Drawer>
  );
}
