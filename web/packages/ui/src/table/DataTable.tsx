import { Button, Checkbox, Skeleton, useDirection } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from '@qd/i18n';
import { IconArrowDown, IconArrowUp, IconArrowsSort, IconRefresh } from '@tabler/icons-react';
import {
  columnOrderingFeature,
  columnResizingFeature,
  columnSizingFeature,
  columnVisibilityFeature,
  functionalUpdate,
  tableFeatures,
  useTable,
  type ColumnDef,
  type RowData,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useShortcuts } from '../keys/keys';
import { overlayOpen } from '../overlay/stack';
import { usePrefs } from '../provider/prefs';
import { InsideControl } from '../show/Masked';
import { EmptyState } from '../state/EmptyState';
import { ErrorState } from '../state/ErrorState';
import { Slow } from '../state/Slow';
import { BulkBar, type AllMatching } from './BulkBar';
import { forgetView, keepView, readView, type Column, type ViewState } from './columns';
import { TableTools } from './TableTools';
import classes from './DataTable.module.css';

const features = tableFeatures({ columnOrderingFeature, columnSizingFeature, columnResizingFeature, columnVisibilityFeature });
const none: readonly never[] = [];

export interface DataTableProps<T extends RowData> {
  /** Name of the view: columns, order and widths are kept under it. */
  id: string;
  /** What the rows are, for screen readers and exports: "Clients". */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[] | undefined;
  rowId: (row: T) => string;
  /** No rows yet at all. */
  loading?: boolean;
  error?: unknown;
  onRetry?: () => void;
  more?: () => void;
  hasMore?: boolean;
  loadingMore?: boolean;
  /** Records that came or changed since the rows were loaded: they wait behind a button. */
  waiting?: number;
  onShowWaiting?: () => void;
  sort?: string;
  onSort?: (word: string | null) => void;
  onOpen?: (row: T) => void;
  /** The row whose drawer is open. */
  opened?: string;
  /** Buttons for the rows that are ticked; makes rows tickable. */
  bulk?: (ids: readonly string[], clear: () => void) => ReactNode;
  allMatching?: AllMatching;
  /** How many there are in all, when the server says so. */
  total?: number;
  /** Nothing was ever here: what to do first. `done`: the queue is empty because the work is done. */
  empty?: { kind?: 'first' | 'done'; title?: ReactNode; text?: ReactNode; action?: ReactNode };
  /** Filters are on, so that "nothing" means "no match". */
  filtered?: boolean;
  onResetFilters?: () => void;
  /** Exports what is seen, as a job. */
  onExport?: () => void;
  exporting?: boolean;
  /** Filters, saved views. */
  toolbar?: ReactNode;
  rowTone?: (row: T) => 'warn' | 'bad' | 'muted' | undefined;
  /** Rows that changed while somebody reads them. */
  changed?: ReadonlySet<string>;
  /** Stands inside another screen: grows with its rows in place of filling the page. */
  inline?: boolean;
}

/** A list from the server: by cursor, sorted and filtered there; a table at the desk, cards on a phone. */
export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const { id, label, columns, rowId, loading, error, onOpen, opened, bulk, sort, onSort, inline } = props;
  const rows = props.rows ?? (none as readonly T[]);
  const { t } = useTranslation('common');
  const { dir } = useDirection();
  const { density } = usePrefs();
  const cards = useMediaQuery('(max-width: 800px)') ?? false;
  const [view, setView] = useView(id, columns);
  const [picked, setPicked] = useState<ReadonlySet<string>>(() => new Set());
  const root = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);

  const defs = useMemo<ColumnDef<typeof features, T>[]>(
    () => columns.map((c) => ({ id: c.id, header: c.header, size: c.width ?? 160, minSize: 64, maxSize: 900, enableHiding: !c.fixed })),
    [columns],
  );
  const byId = useMemo(() => new Map(columns.map((c) => [c.id, c])), [columns]);
  const table = useTable<typeof features, T>({
    features,
    columns: defs,
    data: rows as T[],
    getRowId: rowId,
    state: { columnOrder: view.order, columnVisibility: view.visible, columnSizing: view.widths },
    onColumnOrderChange: (u) => setView({ ...view, order: functionalUpdate(u, view.order) }),
    onColumnVisibilityChange: (u) => setView({ ...view, visible: functionalUpdate(u, view.visible) }),
    onColumnSizingChange: (u) => setView({ ...view, widths: functionalUpdate(u, view.widths) }),
    columnResizeMode: 'onEnd',
    columnResizeDirection: dir,
  });
  const headers = table.getHeaderGroups()[0]?.headers ?? [];
  const shown = headers.map((h) => byId.get(h.column.id)).filter((c): c is Column<T> => c !== undefined);
  const opener = shown.find((c) => c.fixed)?.id ?? shown[0]?.id;

  const rowHeight = density === 'compact' ? 32 : 42;
  const virtual = !cards && !inline && rows.length > 60;
  const virtualizer = useVirtualizer({
    count: virtual ? rows.length : 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (at) => rowId(rows[at] as T),
  });
  const window_ = virtual ? virtualizer.getVirtualItems() : null;
  const first = window_?.[0]?.index ?? 0;
  const last = window_ ? (window_.at(-1)?.index ?? -1) : rows.length - 1;
  const before = window_?.[0]?.start ?? 0;
  const after = window_ ? Math.max(0, virtualizer.getTotalSize() - (window_.at(-1)?.end ?? 0)) : 0;

  useMoreOnSight(root, props.more, !!props.hasMore && !props.loadingMore && !error, rows.length);

  // Ticks on rows that are gone do not count any more.
  const pickedHere = useMemo(() => rows.map(rowId).filter((each) => picked.has(each)), [rows, rowId, picked]);
  const pick = useCallback((each: string, on: boolean) => {
    setPicked((old) => {
      const next = new Set(old);
      if (on) next.add(each);
      else next.delete(each);
      return next;
    });
  }, []);
  const clear = useCallback(() => setPicked(new Set()), []);

  const rowOf = useCallback(
    (each: string) => [...(root.current?.querySelectorAll<HTMLElement>('[data-qd-row]') ?? [])].find((el) => el.dataset.qdRow === each),
    [],
  );
  const go = useCallback(
    (step: 1 | -1) => {
      const list = rows.map(rowId);
      const here = document.activeElement?.closest<HTMLElement>('[data-qd-row]')?.dataset.qdRow;
      const at = here ? list.indexOf(here) : opened ? list.indexOf(opened) : -1;
      const next = Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + step));
      if (virtual) virtualizer.scrollToIndex(next);
      requestAnimationFrame(() => {
        const row = list[next] === undefined ? undefined : rowOf(list[next]);
        (row?.querySelector<HTMLElement>('[data-qd-open]') ?? row)?.focus();
        row?.scrollIntoView({ block: 'nearest' });
      });
    },
    [rows, rowId, opened, virtual, virtualizer, rowOf],
  );
  // The open record stays in sight while its neighbours are walked; on closing, the focus is on the last one.
  const lastOpened = useRef(opened);
  useEffect(() => {
    const before = lastOpened.current;
    lastOpened.current = opened;
    if (opened && opened !== before) {
      const at = rows.findIndex((row) => rowId(row) === opened);
      if (virtual && at >= 0) virtualizer.scrollToIndex(at);
      else rowOf(opened)?.scrollIntoView({ block: 'nearest' });
    } else if (!opened && before) {
      rowOf(before)?.querySelector<HTMLElement>('[data-qd-open]')?.focus({ preventScroll: true });
    }
  }, [opened, rows, rowId, virtual, virtualizer, rowOf]);

  const here = () => document.activeElement?.closest<HTMLElement>('[data-qd-row]')?.dataset.qdRow;
  const group = t('keys.table');
  const usable = rows.length > 0;
  useShortcuts([
    { keys: 'j', label: t('keys.next_row'), group, run: () => go(1), enabled: usable && !overlayOpen() },
    { keys: 'k', label: t('keys.previous_row'), group, run: () => go(-1), enabled: usable && !overlayOpen() },
    {
      keys: 'x',
      label: t('keys.pick_row'),
      group,
      enabled: usable && !!bulk,
      run: () => {
        const row = here();
        if (row) pick(row, !picked.has(row));
      },
    },
  ]);

  const state = error && rows.length === 0 ? 'error' : loading && rows.length === 0 ? 'loading' : rows.length === 0 ? 'empty' : 'rows';
  const allPicked = rows.length > 0 && pickedHere.length === rows.length;
  // Columns are not chosen on a phone: without filters, sorting or an export nothing is left to show.
  const bare = cards && !props.toolbar && !props.onExport && !(onSort && columns.some((c) => c.sort));

  return (
    <div className={classes.root} ref={root} data-inline={inline || undefined}>
      {!bare && (
        <div className={classes.tools}>
          <div className={classes.toolbar}>{props.toolbar}</div>
          <TableTools
            columns={columns}
            view={view}
            onView={setView}
            onReset={() => {
              forgetView(id);
              setView(defaultView(columns));
            }}
            onExport={props.onExport}
            exporting={props.exporting}
            sort={cards ? sort : undefined}
            onSort={cards ? onSort : undefined}
          />
        </div>
      )}
      {bulk && pickedHere.length > 0 && (
        <BulkBar count={pickedHere.length} allPicked={allPicked} allMatching={props.allMatching} onClear={clear}>
          {bulk(pickedHere, clear)}
        </BulkBar>
      )}
      {!!props.waiting && props.waiting > 0 && (
        <div className={classes.waiting} role="status">
          <Button size="compact-sm" variant="light" leftSection={<IconRefresh size={14} aria-hidden />} onClick={props.onShowWaiting}>
            {t('table.waiting', { count: props.waiting })}
          </Button>
        </div>
      )}
      {state === 'error' && <ErrorState error={error} onRetry={props.onRetry} />}
      {state === 'empty' && (
        <EmptyState
          kind={props.filtered ? 'filtered' : (props.empty?.kind ?? 'first')}
          onResetFilters={props.onResetFilters}
          {...(props.filtered ? {} : { title: props.empty?.title, text: props.empty?.text, action: props.empty?.action })}
        />
      )}
      {state === 'loading' && (
        <Slow what={label} onRetry={props.onRetry}>
          <div className={classes.skeleton} aria-label={t('loading')} role="status">
            {Array.from({ length: 8 }, (_, at) => (
              <Skeleton key={at} height={cards ? 84 : rowHeight - 10} radius="sm" />
            ))}
          </div>
        </Slow>
      )}
      {state === 'rows' && (
        <div className={classes.scroller} ref={scroller} tabIndex={cards ? undefined : 0} role="region" aria-label={label}>
          <table
            className={classes.table}
            aria-label={label}
            aria-rowcount={props.hasMore ? -1 : rows.length + 1}
            style={cards ? undefined : { minInlineSize: headers.reduce((sum, h) => sum + h.getSize(), bulk ? 40 : 0) }}
          >
            {!cards && (
              <colgroup>
                {bulk && <col style={{ inlineSize: 40 }} />}
                {headers.map((h) => (
                  <col key={h.id} style={{ inlineSize: h.getSize() }} />
                ))}
              </colgroup>
            )}
            <thead className={classes.head}>
              <tr aria-rowindex={1}>
                {bulk && (
                  <th className={classes.tick} scope="col">
                    <Checkbox
                      size="xs"
                      aria-label={t('table.pick_all')}
                      checked={allPicked}
                      indeterminate={pickedHere.length > 0 && !allPicked}
                      onChange={() => setPicked(allPicked ? new Set() : new Set(rows.map(rowId)))}
                    />
                  </th>
                )}
                {headers.map((h) => {
                  const column = byId.get(h.column.id) as Column<T>;
                  return (
                    <th key={h.id} scope="col" data-align={column.align} data-first={column.id === opener || undefined} aria-sort={ariaSort(column, sort)}>
                      <HeadCell column={column} sort={sort} onSort={onSort} />
                      <span
                        className={classes.grip}
                        data-on={h.column.getIsResizing() || undefined}
                        onMouseDown={h.getResizeHandler()}
                        onTouchStart={h.getResizeHandler()}
                        aria-hidden
                      />
                    </th>
                  );
                })}
              </tr>
            </thead>
            <tbody>
              {before > 0 && <tr aria-hidden className={classes.spacer} style={{ blockSize: before }} />}
              {rows.slice(first, last + 1).map((row, at) => {
                const rid = rowId(row);
                return (
                  <tr
                    key={rid}
                    className={classes.row}
                    data-qd-row={rid}
                    data-opened={rid === opened || undefined}
                    data-picked={picked.has(rid) || undefined}
                    data-tone={props.rowTone?.(row)}
                    data-changed={props.changed?.has(rid) || undefined}
                    data-clickable={!!onOpen || undefined}
                    aria-rowindex={first + at + 2}
                    aria-selected={bulk ? picked.has(rid) : undefined}
                    onClick={(event) => {
                      // A click that marked text, or hit a control, is not meant for the row.
                      if (!onOpen || getSelection()?.toString()) return;
                      if (event.target instanceof Element && event.target.closest('a, button, input, label, summary')) return;
                      onOpen(row);
                    }}
                  >
                    {bulk && (
                      <td className={classes.tick}>
                        <Checkbox size="xs" aria-label={t('table.pick_row')} checked={picked.has(rid)} onChange={(e) => pick(rid, e.currentTarget.checked)} />
                      </td>
                    )}
                    {shown.map((column) => (
                      <td key={column.id} data-align={column.align} data-card={column.card ?? (column.id === opener ? 'title' : 'line')} data-first={column.id === opener || undefined}>
                        <span className={classes.cardLabel}>{column.header}</span>
                        {column.id === opener && onOpen ? (
                          <button type="button" className={classes.open} data-qd-open onClick={() => onOpen(row)}>
                            <InsideControl.Provider value>{column.cell(row)}</InsideControl.Provider>
                          </button>
                        ) : (
                          <div className={classes.cell}>{column.cell(row)}</div>
                        )}
                      </td>
                    ))}
                  </tr>
                );
              })}
              {after > 0 && <tr aria-hidden className={classes.spacer} style={{ blockSize: after }} />}
            </tbody>
          </table>
          <div className={classes.foot}>
            {props.loadingMore && <Skeleton height={rowHeight - 12} radius="sm" />}
            {error ? <ErrorState error={error} onRetry={props.onRetry} /> : null}
            {props.hasMore && !props.loadingMore && !error ? (
              <Button variant="subtle" size="compact-sm" onClick={props.more}>
                {t('table.more')}
              </Button>
            ) : null}
            {!props.hasMore && <span>{t('table.rows', { count: props.total ?? rows.length })}</span>}
          </div>
        </div>
      )}
    </div>
  );
}

function HeadCell<T>({ column, sort, onSort }: { column: Column<T>; sort?: string; onSort?: (word: string | null) => void }) {
  const { t } = useTranslation('common');
  if (!column.sort || !onSort) return <span className={classes.headText}>{column.header}</span>;
  const { asc, desc } = column.sort;
  const now = sort !== undefined && sort === asc ? 'asc' : sort !== undefined && sort === desc ? 'desc' : null;
  const next = now === null ? (desc ?? asc) : now === 'desc' ? (asc ?? null) : null;
  const Icon = now === 'asc' ? IconArrowUp : now === 'desc' ? IconArrowDown : IconArrowsSort;
  return (
    <button type="button" className={classes.sort} data-on={now ?? undefined} onClick={() => onSort(next ?? null)} title={t('table.sort')}>
      <span className={classes.headText}>{column.header}</span>
      <Icon size={13} aria-hidden />
    </button>
  );
}

function ariaSort<T>(column: Column<T>, sort?: string): 'ascending' | 'descending' | undefined {
  if (!column.sort || sort === undefined) return undefined;
  if (sort === column.sort.asc) return 'ascending';
  return sort === column.sort.desc ? 'descending' : undefined;
}

function defaultView<T>(columns: readonly Column<T>[]): ViewState {
  return { order: columns.map((c) => c.id), visible: Object.fromEntries(columns.filter((c) => c.hidden).map((c) => [c.id, false])), widths: {} };
}

/** The kept view; columns that are newer than it go to their place at the end. */
function useView<T>(id: string, columns: readonly Column<T>[]): [ViewState, (next: ViewState) => void] {
  const [view, set] = useState<ViewState>(() => {
    const fresh = defaultView(columns);
    const kept = readView(id);
    if (!kept) return fresh;
    const known = kept.order.filter((each) => fresh.order.includes(each));
    return { order: [...known, ...fresh.order.filter((each) => !known.includes(each))], visible: { ...fresh.visible, ...kept.visible }, widths: kept.widths ?? {} };
  });
  const keep = useCallback(
    (next: ViewState) => {
      set(next);
      keepView(id, next);
    },
    [id],
  );
  return [view, keep];
}

/** Loads the next page when the end of the list comes near. */
function useMoreOnSight(root: React.RefObject<HTMLElement | null>, more: (() => void) | undefined, armed: boolean, count: number) {
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (!armed || typeof IntersectionObserver === 'undefined') return;
    const foot = root.current?.querySelector(`.${classes.foot}`);
    if (!foot) return;
    const seen = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && latest.current?.(), { rootMargin: '600px' });
    seen.observe(foot);
    return () => seen.disconnect();
  }, [armed, root, count]);
}
