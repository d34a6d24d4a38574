import { Anchor, Skeleton, Stack } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, Drawer, ErrorState, KeyValue, Lots, Money, StatusChip, When } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { ClientLink, useNames } from '../../lib/names';
import { PartnerName } from './Chain';
import { Explanation } from './Explanation';
import { lotsText } from './lots';

interface Props {
  id: string | undefined;
  onClose: () => void;
  onPrevious: (() => void) | null;
  onNext: (() => void) | null;
}

/** One line, opened to its rule, base, rate, path and to what was rejected. */
export function LinePeek({ id, onClose, onPrevious, onNext }: Props) {
  const { t } = useTranslation('office-partners');
  const line = useApiQuery('/api/v1/commission-lines/{id}', id ? { path: { id } } : null);
  const l = line.data;
  const name = useNames([l?.client_id]);
  return (
    <Drawer
      opened={!!id}
      onClose={onClose}
      onPrevious={onPrevious}
      onNext={onNext}
      size="lg"
      title={l ? <Money value={{ minor: l.minor, currency: l.currency }} /> : t('line.title')}
      aside={l ? <StatusChip kind="commission_line" value={l.state} /> : undefined}
    >
      {line.error && !l ? (
        <ErrorState error={line.error} onRetry={() => void line.refetch()} />
      ) : !l ? (
        <Stack><Skeleton height={20} width="50%" /><Skeleton height={220} /></Stack>
      ) : (
        <Stack>
          <Card title={t('line.why')}>
            <Explanation explanation={l.explanation} minor={l.minor} currency={l.currency} reason={l.reason} />
          </Card>
          <Card title={t('line.deal')}>
            <KeyValue
              items={[
                { label: t('partner'), value: <PartnerName id={l.partner_id} /> },
                { label: t('col.client'), value: <ClientLink id={l.client_id} name={name(l.client_id)} /> },
                { label: t('col.symbol'), value: <bdi dir="ltr">{l.symbol}</bdi> },
                { label: t('col.group'), value: l.product_group ? <bdi dir="ltr">{l.product_group}</bdi> : null, optional: true },
                { label: t('col.lots'), value: <Lots value={lotsText(l.lots)} /> },
                { label: t('col.ticket'), value: <><CopyId id={l.ticket} full /> · <bdi dir="ltr">{l.server}</bdi></> },
                { label: t('col.value'), value: <When us={l.value_at_us} as="full" /> },
                { label: t('line.booked'), value: <When us={l.booked_at_us} as="full" /> },
                { label: t('line.revision'), value: l.revision > 1 ? l.revision : null, optional: true },
                { label: t('line.entry'), value: l.entry_id ? <CopyId id={l.entry_id} /> : null, optional: true },
                { label: t('line.statement'), value: l.statement_id ? <Anchor component={Link} to={`/statements/${l.statement_id}` as never}>{t('openStatement')}</Anchor> : null, optional: true },
                { label: t('line.reverses'), value: l.reverses ? <CopyId id={l.reverses} /> : null, optional: true },
                { label: t('col.id'), value: <CopyId id={l.id} /> },
              ]}
            />
          </Card>
        </Stack>
      )}
    </Drawer>
  );
}
