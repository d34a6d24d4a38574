import { Button, Select, TextInput } from '@mantine/core';
import { href, useApiQuery } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, DataTable, ErrorState, Money, Page, useSearchState, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';
import type { components } from '@qd/api';
import { ListTabs } from '../../lib/ListTabs';
import { Statement } from './Statement';
import { purposeText } from './words';

type Total = components['schemas']['TotalLine'];

const OWNERS = ['client', 'tacc', 'psp', 'house', 'partner'] as const;

/** The books: all accounts of one owner, their statements, the totals, the journal. */
export function LedgerPage() {
  const { t } = useTranslation('office-money');
  const [search] = useSearchState();
  return (
    <Page
      title={t('l.title')}
      text={t('l.text')}
      tabs={
        <ListTabs
          label={t('l.title')}
          tabs={[
            { value: null, label: t('l.accounts') },
            { value: 'totals', label: t('l.totals') },
          ]}
        />
      }
    >
      {search.tab === 'totals' ? <Totals /> : <Accounts />}
    </Page>
  );
}

function Accounts() {
  const { t } = useTranslation('office-money');
  const [search, set] = useSearchState();
  const [kind, setKind] = useState<string>(search.owner?.split(':')[0] ?? 'client');
  const [typed, setTyped] = useState(search.owner?.split(':')[1] ?? '');
  const searching = kind === 'client' && !typed.startsWith('cli_') && typed.trim().length >= 2;
  const found = useApiQuery('/api/v1/search', searching ? { query: { q: typed.trim() } } : null);
  const connections = useApiQuery('/api/v1/connections', useCan('connections.view') && kind === 'psp' ? {} : null);
  const go = (owner: string) => set({ owner, purpose: null, currency: null });
  return (
    <>
      <Card title={t('l.whose')}>
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: '0.75rem', alignItems: 'end' }}>
          <Select label={t('l.kind')} data={OWNERS.map((value) => ({ value, label: t(`l.owner.${value}`) }))} value={kind} onChange={(v) => { setKind(v ?? 'client'); setTyped(''); }} allowDeselect={false} />
          {kind === 'client' ? (
            <Select
              label={t('client')}
              placeholder={t('l.findClient')}
              searchable
              clearable
              style={{ flex: '1 1 16rem' }}
              searchValue={typed}
              onSearchChange={setTyped}
              nothingFoundMessage={typed.trim().length < 2 ? t('l.typeMore') : found.isFetching ? t('l.searching') : t('l.nobody')}
              filter={({ options }) => options}
              data={(found.data?.items ?? []).map((c) => ({ value: c.id, label: `${c.name} · ${c.email ?? c.id.slice(-5)}` }))}
              value={null}
              onChange={(id) => id && go(`client:${id}`)}
            />
          ) : kind === 'psp' && connections.data ? (
            <Select label={t('d.connection')} data={connections.data.psps.map((c) => c.id)} value={typed || null} onChange={(id) => { setTyped(id ?? ''); if (id) go(`psp:${id}`); }} />
          ) : (
            <form
              style={{ display: 'flex', gap: '0.5rem', alignItems: 'end', flex: '1 1 16rem' }}
              onSubmit={(e) => {
                e.preventDefault();
                if (typed.trim()) go(`${kind}:${typed.trim()}`);
              }}
            >
              <TextInput label={t('id')} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} placeholder={kind === 'house' ? 'eu' : kind === 'tacc' ? 'tacc_…' : 'par_…'} dir="ltr" style={{ flex: 1 }} />
              <Button type="submit" variant="default">
                {t('open')}
              </Button>
            </form>
          )}
        </div>
      </Card>
      {search.owner ? <Statement owner={search.owner} /> : <p className="qd-muted">{t('l.choose')}</p>}
    </>
  );
}

function Totals() {
  const { t, i18n } = useTranslation('office-money');
  const mayExport = useCan('ledger.export');
  const [from, setFrom] = useState('');
  const [until, setUntil] = useState('');
  const totals = useApiQuery('/api/v1/ledger/totals', {});
  const columns = useMemo<readonly Column<Total>[]>(
    () => [
      { id: 'purpose', header: t('l.purpose'), width: 240, fixed: true, cell: (r) => purposeText(r.purpose) },
      { id: 'currency', header: t('l.currency'), width: 110, cell: (r) => r.currency },
      { id: 'accounts', header: t('l.count'), width: 120, align: 'number', cell: (r) => number(i18n.language, r.accounts) },
      { id: 'balance', header: t('l.balance'), width: 190, align: 'number', card: 'side', cell: (r) => <Money value={{ minor: r.balance_minor, currency: r.currency }} /> },
      { id: 'held', header: t('check.held'), width: 170, align: 'number', cell: (r) => <Money value={{ minor: r.held_minor, currency: r.currency }} /> },
    ],
    [t, i18n.language],
  );
  return (
    <>
      {totals.error && !totals.data ? (
        <ErrorState error={totals.error} onRetry={() => void totals.refetch()} />
      ) : (
        <Card title={t('l.totals')} flush>
          <DataTable id="ledger-totals" inline label={t('l.totals')} columns={columns} rows={totals.data?.items} rowId={(r) => `${r.purpose}-${r.currency}`} loading={totals.isPending} empty={{ title: t('l.none') }} />
        </Card>
      )}
      {mayExport && (
        <Card title={t('l.journal')}>
          <p style={{ margin: 0 }}>{t('l.journalText')}</p>
          <div style={{ display: 'flex', flexWrap: 'wrap', gap: '0.75rem', alignItems: 'end' }}>
            <TextInput type="date" label={t('l.from')} value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
            <TextInput type="date" label={t('l.until')} value={until} onChange={(e) => setUntil(e.currentTarget.value)} />
            <Button component="a" href={href('/api/v1/ledger/journal', { query: { from: from || undefined, until: until || undefined } })} download="journal.ledger">
              {t('l.download')}
            </Button>
          </div>
        </Card>
      )}
    </>
  );
}
