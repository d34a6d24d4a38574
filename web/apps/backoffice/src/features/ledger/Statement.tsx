import { Anchor, Skeleton } from '@mantine/core';
import { useApiQuery, useCursorPages, type components, type Row } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, DataTable, EmptyState, ErrorState, Money, useSearchState, When, type Column } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useNames } from '../../lib/names';
import { ObjectLink } from '../../lib/ObjectLink';
import { entryText, ownerText, purposeText } from './words';

type Balance = components['schemas']['LedgerBalance'];
type Line = Row<'/api/v1/ledger/statement'>;

/** An owner's accounts with their balances, and the statement of the one that is chosen. */
export function Statement({ owner }: { owner: string }) {
  const { t } = useTranslation('office-money');
  const [search, set] = useSearchState();
  const balances = useApiQuery('/api/v1/ledger/balances/{owner}', { path: { owner } });
  const id = owner.split(':')[1];
  const name = useNames([id])(id);
  const items = balances.data?.items ?? [];
  const chosen = items.find((b) => b.purpose === search.purpose && b.currency === search.currency) ?? (items.length === 1 ? items[0] : undefined);
  const columns = useMemo<readonly Column<Balance>[]>(
    () => [
      { id: 'purpose', header: t('l.purpose'), width: 220, fixed: true, cell: (b) => purposeText(b.purpose) },
      { id: 'balance', header: t('l.balance'), width: 180, align: 'number', card: 'side', cell: (b) => <Money value={{ minor: b.balance_minor, currency: b.currency }} strong /> },
      { id: 'held', header: t('check.held'), width: 160, align: 'number', cell: (b) => <Money value={{ minor: b.held_minor, currency: b.currency }} /> },
      { id: 'free', header: t('l.available'), width: 160, align: 'number', cell: (b) => <Money value={{ minor: b.available_minor, currency: b.currency }} /> },
    ],
    [t],
  );
  if (balances.error && !balances.data) return <ErrorState error={balances.error} onRetry={() => void balances.refetch()} />;
  if (!balances.data) return <Skeleton height={160} />;
  return (
    <>
      <Card title={<bdi>{ownerText(owner, name)}</bdi>} flush>
        {items.length === 0 ? (
          <EmptyState title={t('l.none')} text={t('l.noneText')} />
        ) : (
          <DataTable
            id="ledger-balances"
            inline
            label={t('l.accounts')}
            columns={columns}
            rows={items}
            rowId={(b) => `${b.purpose}-${b.currency}`}
            onOpen={(b) => set({ purpose: b.purpose, currency: b.currency })}
            opened={chosen && `${chosen.purpose}-${chosen.currency}`}
          />
        )}
      </Card>
      {chosen && <Lines key={`${chosen.purpose}-${chosen.currency}`} account={chosen} />}
    </>
  );
}

function Lines({ account }: { account: Balance }) {
  const { t } = useTranslation('office-money');
  const list = useCursorPages('/api/v1/ledger/statement', { query: { owner: account.owner, purpose: account.purpose, currency: account.currency, limit: 50 } });
  const columns = useMemo<readonly Column<Line>[]>(
    () => [
      { id: 'kind', header: t('l.what'), width: 220, fixed: true, cell: (l) => entryText(l.kind) },
      { id: 'minor', header: t('amount'), width: 160, align: 'number', card: 'side', cell: (l) => <Money value={{ minor: l.minor, currency: account.currency }} tone /> },
      { id: 'balance', header: t('l.after'), width: 170, align: 'number', cell: (l) => <Money value={{ minor: l.balance_minor, currency: account.currency }} /> },
      { id: 'source', header: t('l.source'), width: 210, cell: (l) => <ObjectLink object={objectOf(l)} /> },
      { id: 'note', header: t('l.note'), width: 220, cell: (l) => (l.note ? <bdi dir="auto">{l.note}</bdi> : <span className="qd-muted">–</span>) },
      { id: 'booked', header: t('l.booked'), width: 150, cell: (l) => <When us={l.booked_at_us} /> },
      { id: 'value', header: t('l.value'), width: 150, hidden: true, cell: (l) => <When us={l.value_at_us} as="date" /> },
      { id: 'seq', header: t('l.seq'), width: 90, align: 'number', hidden: true, cell: (l) => l.seq },
      {
        id: 'entry',
        header: t('l.entry'),
        width: 110,
        cell: (l) => (
          <Anchor component={Link} to={`/ledger/entries/${l.entry_id}` as never} inherit>
            {t('open')}
          </Anchor>
        ),
      },
    ],
    [t, account.currency],
  );
  return (
    <Card title={t('l.statementOf', { purpose: purposeText(account.purpose), currency: account.currency })} flush>
      <DataTable
        id="ledger-statement"
        inline
        label={t('l.statement')}
        columns={columns}
        rows={list.rows}
        rowId={(l) => String(l.seq)}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        waiting={list.waiting}
        onShowWaiting={() => void list.showNew()}
        empty={{ title: t('l.noLines') }}
      />
    </Card>
  );
}

/** What caused a line: the source says it where it names a record, else the reference does. */
export function objectOf(line: { source: string; reference: string }): string {
  const known = /^(deposit|withdrawal|transfer|payout|statement):\w+_\w+/;
  return line.source.match(known)?.[0] ?? line.reference.match(known)?.[0] ?? line.source;
}
