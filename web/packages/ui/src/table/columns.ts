import type { ReactNode } from 'react';

/** One column. The texts are given translated. */
export interface Column<T> {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  /** Width in pixels at first; the reader may change it. */
  width?: number;
  /**
   * `number` stands at the physical right in every language, so that decimals line up; everything else
   * starts where reading starts.
   */
  align?: 'start' | 'number';
  /** The server's words for this column's order, as its `sort` parameter takes them. */
  sort?: { asc?: string; desc?: string };
  /** Not shown until chosen. */
  hidden?: boolean;
  /** Cannot be hidden; the first such column is what opens a row. */
  fixed?: boolean;
  /** Where it goes when a row is a card (under 800 px). Default: a labelled line. */
  card?: 'title' | 'side' | 'line' | 'none';
}

export interface ViewState {
  order: string[];
  visible: Record<string, boolean>;
  widths: Record<string, number>;
}

const key = (view: string) => `qd.view.${view}`;

export function readView(view: string): ViewState | null {
  try {
    return JSON.parse(localStorage.getItem(key(view)) ?? 'null') as ViewState | null;
  } catch {
    return null;
  }
}

export function keepView(view: string, state: ViewState): void {
  try {
    localStorage.setItem(key(view), JSON.stringify(state));
  } catch {
    // No store: the choice lasts as long as the page.
  }
}

export function forgetView(view: string): void {
  try {
    localStorage.removeItem(key(view));
  } catch {
    // Nothing was kept.
  }
}
