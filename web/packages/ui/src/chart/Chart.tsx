import { Skeleton } from '@mantine/core';
import { lazy, Suspense } from 'react';

export interface ChartSeries {
  label: string;
  values: readonly (number | null)[];
  /** One of the theme's tones; a brand line is the first. */
  tone?: 'brand' | 'good' | 'warn' | 'bad' | 'info' | 'idle';
  kind?: 'line' | 'area' | 'bars';
}

export interface ChartProps {
  /** What it shows, in words: read out, and the name of the table behind it. */
  label: string;
  /** Microseconds, or any numbers with `axis`. */
  x: readonly number[];
  series: readonly ChartSeries[];
  height?: number;
  /** Numbers for people on the value axis and in the read-out; drawing may round, figures beside it must not. */
  format?: (value: number) => string;
  axis?: 'time' | 'number';
}

const Plot = lazy(() => import('./Plot'));

/** Lines, areas or bars over time. Left to right in every language, as everywhere in the trade. */
export function Chart(props: ChartProps) {
  const height = props.height ?? 220;
  return (
    <Suspense fallback={<Skeleton height={height} />}>
      <Plot {...props} height={height} />
    </Suspense>
  );
}
