import { useMantineColorScheme } from '@mantine/core';
import { dateFormat, number, useTranslation } from '@qd/i18n';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useZone } from '../show/When';
import type { ChartProps } from './Chart';
import classes from './chart.module.css';

export default function Plot({ label, x, series, height = 220, format, axis = 'time' }: ChartProps) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  const { colorScheme } = useMantineColorScheme();
  const box = useRef<HTMLDivElement>(null);
  const lang = i18n.language;
  const say = format ?? ((value: number) => number(lang, value, { maximumFractionDigits: 2 }));
  const day = (seconds: number) => dateFormat(lang, { day: 'numeric', month: 'short', timeZone: zone }).format(seconds * 1000);

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const hasBars = series.some((s) => s.kind === 'bars');
    // uPlot draws on a canvas, where var() and light-dark() mean nothing: resolved through a real element.
    const probe = document.createElement('i');
    el.append(probe);
    const resolve = (value: string) => {
      probe.style.color = value;
      return getComputedStyle(probe).color;
    };
    const muted = resolve('var(--qd-muted)');
    const line = resolve('var(--qd-line)');
    const tones = series.map((s, at) => resolve(`var(--qd-${s.tone ?? (at === 0 ? 'brand' : 'info')}-text)`));
    const soft = series.map((s, at) => resolve(`var(--qd-${s.tone ?? (at === 0 ? 'brand' : 'info')}-soft)`));
    probe.remove();
    const font = `11px ${getComputedStyle(el).fontFamily}`;
    const plot = new UPlot(
      {
        width: el.clientWidth || 320,
        height,
        padding: [8, 12, 0, 0],
        legend: { show: false },
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: axis === 'time', range: hasBars ? (_, a, b) => [a - (b - a) / Math.max(1, x.length - 1) / 2, b + (b - a) / Math.max(1, x.length - 1) / 2] : undefined } },
        axes: [
          { stroke: muted, grid: { show: false }, ticks: { show: false }, font, values: (_, splits) => splits.map((v) => (axis === 'time' ? day(v) : say(v))) },
          { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false }, font, size: 62, values: (_, splits) => splits.map(say) },
        ],
        series: [
          {},
          ...series.map((s, at) => ({
            label: s.label,
            stroke: tones[at],
            width: s.kind === 'bars' ? 0 : 2,
            fill: s.kind === 'area' ? soft[at] : s.kind === 'bars' ? tones[at] : undefined,
            paths: s.kind === 'bars' ? UPlot.paths.bars?.({ size: [0.6, 40] }) : UPlot.paths.linear?.(),
            points: { show: x.length < 3 },
          })),
        ],
        hooks: {
          setCursor: [
            (u) => {
              const read = el.querySelector<HTMLElement>('[data-read]');
              if (!read) return;
              const at = u.cursor.idx;
              read.textContent =
                at === null || at === undefined || x[at] === undefined
                  ? ''
                  : [axis === 'time' ? day(x[at] / 1e6) : say(x[at]), ...series.map((s) => `${s.label} ${s.values[at] === null || s.values[at] === undefined ? '–' : say(s.values[at])}`)].join('  ·  ');
            },
          ],
        },
      },
      [x.map((v) => (axis === 'time' ? v / 1e6 : v)), ...series.map((s) => [...s.values])] as UPlot.AlignedData,
      el,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: el.clientWidth, height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  });
  // eslint rules of the dependency list do not apply: a new scheme, zone or language draws afresh.
  void colorScheme;

  return (
    <figure className={classes.figure}>
      <div ref={box} dir="ltr" role="img" aria-label={label} className={classes.plot} style={{ minBlockSize: height }}>
        <output data-read className={classes.read} />
      </div>
      {series.length > 1 && (
        <figcaption className={classes.legend}>
          {series.map((s, at) => (
            <span key={s.label} data-tone={s.tone ?? (at === 0 ? 'brand' : 'info')}>
              {s.label}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  );
}
