import { Stack } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, Drawer, EmptyState, ErrorState, Page, StatusChip, usePeek, type Column } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { MonthsOf, ProgrammeCounts, StandingFacts, useStandingColumns, type Standing } from '@qd/ui/partners/Programmes';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';

const idOf = (c: Standing): string => c.client_id;
/** Clients have no names here: the end of the pseudonym is what one tells them apart by. */
const who = (id: string) => <bdi className="qd-mono">{id.slice(-8)}</bdi>;

/** What is paid by client and by month: who qualified and why not yet, what a month below zero carries. */
export function ProgrammesPage() {
  const { t } = useTranslation(['partner-tools', 'partner']);
  const first = useApiQuery('/api/v1/me/partner/programmes', { query: { limit: 100 } });
  const rows = useMemo(() => first.data?.clients.items ?? [], [first.data]);
  const ids = useMemo(() => rows.map(idOf), [rows]);
  const peek = usePeek(ids);
  const columns = useStandingColumns<Standing>(who);
  if (first.error && !first.data) return <ErrorState error={first.error} onRetry={() => void first.refetch()} page />;
  if (!first.data) return <PageSkeleton />;
  const o = first.data.overview;
  const nothing = o.counts.length === 0 && o.carry.length === 0 && o.months.length === 0;
  const client = rows.find((c) => c.client_id === peek.id);
  return (
    <Page title={t('partner:nav.programmes')} text={t('partner-tools:prog.text')}>
      {nothing ? (
        <EmptyState kind="first" title={t('partner-tools:prog.none')} text={t('partner-tools:prog.noneText')} />
      ) : (
        <Stack>
          <ProgrammeCounts overview={o} />
          <Card title={t('partner-tools:prog.clients')} flush>
            <DataTable id="programme-clients" inline label={t('partner-tools:prog.clients')} columns={columns} rows={rows} rowId={idOf} onOpen={(c) => peek.open(c.client_id)} opened={peek.id} empty={{ title: t('partner-tools:prog.noClients') }} />
          </Card>
          {first.data.clients.next_cursor && <More after={first.data.clients.next_cursor} columns={columns} />}
          <MonthsOf overview={o} who={who} />
        </Stack>
      )}
      <Drawer opened={!!client} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} size="lg" title={client ? who(client.client_id) : ''} aside={client ? <StatusChip kind="programme" value={client.state} /> : undefined}>
        {client && (
          <Stack>
            <StandingFacts standing={client} />
            <Link to="/lines" search={{ client_id: client.client_id } as never}>{t('partner-tools:prog.toLines')}</Link>
          </Stack>
        )}
      </Drawer>
    </Page>
  );
}

/** The pages after the first, one list below the other. */
function More({ after, columns }: { after: string; columns: readonly Column<Standing>[] }) {
  const { t } = useTranslation('partner-tools');
  const next = useApiQuery('/api/v1/me/partner/programmes', { query: { limit: 100, cursor: after } });
  if (!next.data) return null;
  return (
    <>
      <DataTable id="programme-clients" inline label={t('prog.clients')} columns={columns} rows={next.data.clients.items} rowId={idOf} />
      {next.data.clients.next_cursor && <More after={next.data.clients.next_cursor} columns={columns} />}
    </>
  );
}
