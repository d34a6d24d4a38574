import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { CopyId, DataTable, FilterBar, Money, StatusChip, useFilters, useSearchState, Value, When, type Column, type Filter } from '../../src/index';

interface Sample {
  id: string;
  name: string;
  state: string;
  minor: number;
  at_us: number;
  email: string;
}

const states = ['review', 'approved', 'paid', 'rejected'];
const all: Sample[] = Array.from({ length: 400 }, (_, i) => ({
  id: `wdr_${String(i).padStart(26, '0')}`,
  name: ['Lukas Brenner', 'Maya L.', 'ليلى حداد', 'Nele Busch'][i % 4] as string,
  state: states[i % 4] as string,
  minor: 5000 + ((i * 7919) % 2_000_000),
  at_us: Date.now() * 1000 - i * 3_600_000_000,
  email: i % 5 === 0 ? '•••' : `person.${i}@mail.example`,
}));
const columns: readonly Column<Sample>[] = [
  { id: 'name', header: 'Client', width: 200, fixed: true, cell: (r) => <bdi>{r.name}</bdi> },
  { id: 'state', header: 'State', width: 180, card: 'side', cell: (r) => <StatusChip kind="withdrawal" value={r.state} /> },
  { id: 'amount', header: 'Amount', width: 150, align: 'number', sort: { asc: 'amount', desc: '-amount' }, cell: (r) => <Money value={{ minor: r.minor, currency: 'EUR' }} /> },
  { id: 'at', header: 'Requested', width: 150, cell: (r) => <When us={r.at_us} /> },
  { id: 'email', header: 'E-mail', width: 240, cell: (r) => <Value mask="contact">{r.email}</Value> },
  { id: 'id', header: 'Id', width: 140, cell: (r) => <CopyId id={r.id} /> },
];
const filters: readonly Filter[] = [
  { kind: 'text', name: 'q', label: 'Name', pinned: true },
  { kind: 'choice', name: 'state', label: 'State', options: states.map((value) => ({ value, label: value })) },
  { kind: 'dates', name: 'at', label: 'Requested' },
  { kind: 'flag', name: 'vip', label: 'VIP' },
];
const idOf = (r: Sample) => r.id;

export function Rows() {
  const { values, active, reset } = useFilters(filters);
  const [search, set] = useSearchState();
  const narrow = useMediaQuery('(max-width: 800px)');
  const [waiting, setWaiting] = useState(3);
  const [count, setCount] = useState(narrow ? 4 : 100);
  const rows = useMemo(() => {
    const found = all.filter((r) => (!values.state || r.state === values.state) && (!values.q || r.name.toLowerCase().includes(values.q.toLowerCase())));
    if (search.sort) found.sort((a, b) => (search.sort === 'amount' ? a.minor - b.minor : b.minor - a.minor));
    return found.slice(0, count);
  }, [values.state, values.q, search.sort, count]);
  return (
    <div style={{ blockSize: narrow ? 'auto' : '32rem', display: 'flex' }}>
      <DataTable
        id="gallery"
        label="Withdrawals"
        columns={columns}
        rows={rows}
        rowId={idOf}
        sort={search.sort}
        onSort={(word) => set({ sort: word })}
        onOpen={(row) => set({ peek: row.id })}
        opened={search.peek}
        waiting={waiting}
        onShowWaiting={() => setWaiting(0)}
        hasMore={count < all.length && !active}
        more={() => setCount(count + 100)}
        filtered={active}
        onResetFilters={reset}
        onExport={() => {}}
        bulk={(ids, clear) => (
          <Button size="compact-sm" onClick={clear}>
            Assign {ids.length}
          </Button>
        )}
        allMatching={{ count: all.length, picked: false, onPick: () => {} }}
        toolbar={<FilterBar filters={filters} />}
      />
    </div>
  );
}
