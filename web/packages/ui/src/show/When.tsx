import { Tooltip } from '@mantine/core';
import { dateFormat, duration, relative, useTranslation } from '@qd/i18n';
import { createContext, use, useEffect, useSyncExternalStore, type ReactNode } from 'react';
import { usePrefs, type ZoneChoice } from '../provider/prefs';
import classes from './show.module.css';

interface Zones {
  /** IANA zone of the client whose record is open. */
  client?: string | null;
  /** The trading platform's zone. */
  server?: string | null;
}

const ZoneContext = createContext<Zones>({});

/** Says which zones `client` and `server` are, for everything below it. */
export function ZoneProvider({ client, server, children }: Zones & { children: ReactNode }) {
  const outer = use(ZoneContext);
  return <ZoneContext value={{ client: client ?? outer.client, server: server ?? outer.server }}>{children}</ZoneContext>;
}

const mine = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The zone in force: a choice that is not known here falls back to the reader's own. */
export function useZone(): { zone: string; choice: ZoneChoice; zones: Zones } {
  const { zone: choice } = usePrefs();
  const zones = use(ZoneContext);
  const named: Record<ZoneChoice, string | null | undefined> = { mine: mine(), utc: 'UTC', client: zones.client, server: zones.server };
  return { zone: named[choice] ?? mine(), choice, zones };
}

// One clock for all relative times, half a minute apart; it stands while nobody looks.
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
function subscribe(tell: () => void) {
  listeners.add(tell);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    now = Date.now();
    for (const each of listeners) each();
  }, 30_000);
  return () => {
    listeners.delete(tell);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The present in milliseconds, moving every half minute. */
export function useNow(): number {
  useEffect(() => {
    now = Date.now();
  }, []);
  return useSyncExternalStore(subscribe, () => now, () => now);
}

export interface WhenProps {
  /** Microseconds since 1970 in UTC, as the API sends times. */
  us: number | null | undefined;
  /** `relative` in lists (absolute on hover), `full` where the moment matters, `date` for days. */
  as?: 'relative' | 'full' | 'date' | 'time';
}

/** 1795082591000000 -> "21 Nov 2026, 14:03:11 CET" in a zone. */
export function whenText(lang: string, us: number, zone: string, as: 'full' | 'date' | 'time' = 'full'): string {
  const options: Intl.DateTimeFormatOptions =
    as === 'date'
      ? { dateStyle: 'medium', timeZone: zone }
      : as === 'time'
        ? { hour: '2-digit', minute: '2-digit', timeZone: zone, hourCycle: 'h23' }
        : { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: zone, timeZoneName: 'short' };
  return dateFormat(lang, options).format(us / 1000);
}

export function When({ us, as = 'relative' }: WhenProps) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  const present = useNow();
  if (us === null || us === undefined) return <span className="qd-muted">–</span>;
  const lang = i18n.language;
  const iso = new Date(us / 1000).toISOString();
  if (as !== 'relative') {
    return (
      <time dateTime={iso} className={classes.when} title={as === 'full' ? zone : whenText(lang, us, zone)}>
        {whenText(lang, us, zone, as)}
      </time>
    );
  }
  const seconds = Math.round((us / 1000 - present) / 1000);
  return (
    <Tooltip label={`${whenText(lang, us, zone)} · ${zone}`}>
      <time dateTime={iso} className={classes.when}>
        {Math.abs(seconds) < 45 * 86_400 ? relative(lang, seconds) : whenText(lang, us, zone, 'date')}
      </time>
    </Tooltip>
  );
}

/** How long something has waited or takes; red past its limit. */
export function Waited({ seconds, limit }: { seconds: number | null | undefined; limit?: number | null }) {
  const { i18n } = useTranslation();
  if (seconds === null || seconds === undefined) return <span className="qd-muted">–</span>;
  const over = limit !== null && limit !== undefined && seconds > limit;
  return (
    <span className={classes.waited} data-over={over || undefined}>
      {duration(i18n.language, seconds)}
    </span>
  );
}
