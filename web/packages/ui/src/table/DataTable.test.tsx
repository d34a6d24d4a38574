import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { StatusChip } from '../show/StatusChip';
import { renderScreen } from '../test/render';
import type { Column } from './columns';
import { DataTable, type DataTableProps } from './DataTable';
import { FilterBar, useFilters, type Filter } from './FilterBar';
import { usePeek, useSearchState } from './useSearchState';

interface Row {
  id: string;
  name: string;
  state: string;
}
const rows: Row[] = [
  { id: 'a', name: 'Lukas Brenner', state: 'review' },
  { id: 'b', name: 'Maya L.', state: 'paid' },
  { id: 'c', name: 'Nele Busch', state: 'rejected' },
];
const columns: Column<Row>[] = [
  { id: 'name', header: 'Client', fixed: true, sort: { asc: 'name', desc: '-name' }, cell: (r) => r.name },
  { id: 'state', header: 'State', cell: (r) => <StatusChip kind="withdrawal" value={r.state} /> },
];
const table = (props: Partial<DataTableProps<Row>> = {}) => <DataTable<Row> id="t" label="Withdrawals" columns={columns} rows={rows} rowId={(r) => r.id} {...props} />;

describe('a list', () => {
  it('opens a row by its name, by the keyboard as well', async () => {
    const onOpen = vi.fn();
    await renderScreen(table({ onOpen }));
    fireEvent.keyDown(document.body, { key: 'j' });
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Lukas Brenner'));
    fireEvent.keyDown(document.activeElement as Element, { key: 'j' });
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Maya L.'));
    fireEvent.click(document.activeElement as Element);
    expect(onOpen).toHaveBeenCalledTimes(1);
    expect(onOpen).toHaveBeenCalledWith(rows[1]);
  });

  it('leaves single keys alone while somebody types', async () => {
    await renderScreen(
      <>
        <input aria-label="note" />
        {table({ onOpen: vi.fn() })}
      </>,
    );
    const field = screen.getByLabelText('note');
    field.focus();
    fireEvent.keyDown(field, { key: 'j' });
    expect(document.activeElement).toBe(field);
  });

  it('shows what can be done with the ticked rows, and how many they are', async () => {
    const bulk = vi.fn((ids: readonly string[]) => <button type="button">Assign {ids.join()}</button>);
    await renderScreen(table({ bulk }));
    const [, second] = screen.getAllByLabelText('Select row');
    fireEvent.click(second as Element);
    expect(screen.getByText('1 selected')).toBeTruthy();
    expect(screen.getByText('Assign b')).toBeTruthy();
    fireEvent.click(screen.getByLabelText('Select all rows'));
    expect(screen.getByText('3 selected')).toBeTruthy();
    fireEvent.click(screen.getByText('Clear selection'));
    expect(screen.queryByText('3 selected')).toBeNull();
  });

  it('asks the server for another order by the column’s own words', async () => {
    const onSort = vi.fn();
    const shown = await renderScreen(table({ onSort, sort: '-name' }));
    const head = screen.getByRole('columnheader', { name: /Client/ });
    expect(head.getAttribute('aria-sort')).toBe('descending');
    fireEvent.click(within(head).getByRole('button'));
    expect(onSort).toHaveBeenCalledWith('name');
    shown.unmount();
  });

  it('keeps new rows waiting until they are asked for', async () => {
    const onShowWaiting = vi.fn();
    await renderScreen(table({ waiting: 3, onShowWaiting }));
    fireEvent.click(screen.getByText('3 new or changed rows'));
    expect(onShowWaiting).toHaveBeenCalled();
  });

  it('tells first use, no match, an empty queue and a fault apart', async () => {
    const shown = await renderScreen(table({ rows: [], empty: { title: 'No withdrawals yet' } }));
    expect(screen.getByText('No withdrawals yet')).toBeTruthy();
    shown.unmount();
    const reset = vi.fn();
    const filtered = await renderScreen(table({ rows: [], filtered: true, onResetFilters: reset, empty: { title: 'No withdrawals yet' } }));
    fireEvent.click(screen.getByText('Reset filters'));
    expect(reset).toHaveBeenCalled();
    expect(screen.queryByText('No withdrawals yet')).toBeNull();
    filtered.unmount();
    await renderScreen(table({ rows: undefined, error: { code: 'psp_down', status: 503, reference: 'req_7' } }));
    expect(screen.getByRole('alert').textContent).toContain('The payment provider does not answer');
    expect(screen.getByRole('alert').textContent).toContain('req_7');
  });

  it('remembers which columns were hidden', async () => {
    localStorage.setItem('qd.view.t', JSON.stringify({ order: ['name', 'state'], visible: { state: false }, widths: {} }));
    await renderScreen(table());
    expect(screen.queryByRole('columnheader', { name: 'State' })).toBeNull();
    expect(screen.getByRole('columnheader', { name: /Client/ })).toBeTruthy();
  });
});

const filters: Filter[] = [
  { kind: 'text', name: 'q', label: 'Name', pinned: true },
  { kind: 'flag', name: 'vip', label: 'VIP' },
];
function Filtered() {
  const { values, active } = useFilters(filters);
  return (
    <>
      <FilterBar filters={filters} />
      <output>{JSON.stringify({ values, active })}</output>
    </>
  );
}
function Peeking() {
  const peek = usePeek(['a', 'b', 'c']);
  const [, set] = useSearchState();
  return (
    <>
      <output>{peek.id ?? 'none'}</output>
      <button type="button" onClick={() => peek.open('a')}>
        open
      </button>
      <button type="button" disabled={!peek.next} onClick={() => peek.next?.()}>
        next
      </button>
      <button type="button" onClick={() => set({ peek: null })}>
        close
      </button>
    </>
  );
}

describe('the state of a screen', () => {
  it('is read from the address and written to it', async () => {
    const shown = await renderScreen(<Filtered />, { at: '/clients?q=maya&vip=true&tab=x' });
    expect(screen.getByRole('status').textContent).toBe('{"values":{"q":"maya","vip":"true"},"active":true}');
    fireEvent.click(screen.getByText('Reset'));
    await waitFor(() => expect(shown.address()).toBe('/clients?tab=x'));
    fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'nele b' } });
    await waitFor(() => expect(shown.address()).toBe('/clients?tab=x&q=nele+b'));
  });

  it('holds the open record and its neighbours in the list', async () => {
    const shown = await renderScreen(<Peeking />, { at: '/clients?stage=lead' });
    fireEvent.click(screen.getByText('open'));
    await waitFor(() => expect(shown.address()).toBe('/clients?stage=lead&peek=a'));
    fireEvent.click(screen.getByText('next'));
    await waitFor(() => expect(screen.getByRole('status').textContent).toBe('b'));
    fireEvent.click(screen.getByText('next'));
    await waitFor(() => expect((screen.getByText('next') as HTMLButtonElement).disabled).toBe(true));
    fireEvent.click(screen.getByText('close'));
    await waitFor(() => expect(shown.address()).toBe('/clients?stage=lead'));
  });
});
