import { languageOf } from './languages';

/** The tag for Intl: digits stay Latin in ar, fa and ur, where account numbers and amounts are compared. */
export function formatTag(lang: string): string {
  const { dir } = languageOf(lang);
  return dir === 'rtl' ? `${lang}-u-nu-latn` : lang;
}

const cache = new Map<string, unknown>();
function cached<T>(key: string, make: () => T): T {
  const there = cache.get(key);
  if (there !== undefined) return there as T;
  const made = make();
  cache.set(key, made);
  return made;
}

/**
 * A number for people. Amounts and lots go in as decimal text and stay exact: Intl formats the text
 * itself, no float is made of it.
 */
export function number(lang: string, value: string | number | bigint, options: Intl.NumberFormatOptions = {}): string {
  const format = cached(`n${lang}${JSON.stringify(options)}`, () => new Intl.NumberFormat(formatTag(lang), options));
  return format.format(value as Intl.StringNumericLiteral);
}

export function dateFormat(lang: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return cached(`d${lang}${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(formatTag(lang), options));
}

export function list(lang: string, items: readonly string[], type: Intl.ListFormatType = 'conjunction'): string {
  return cached(`l${lang}${type}`, () => new Intl.ListFormat(lang, { type })).format(items);
}

export function country(lang: string, code: string): string {
  if (!/^[A-Za-z]{2}$/.test(code)) return code;
  return cached(`c${lang}`, () => new Intl.DisplayNames([lang], { type: 'region', fallback: 'code' })).of(code.toUpperCase()) ?? code;
}

export function languageName(lang: string, code: string): string {
  try {
    return cached(`g${lang}`, () => new Intl.DisplayNames([lang], { type: 'language', fallback: 'code' })).of(code) ?? code;
  } catch {
    return code;
  }
}

export function currencyName(lang: string, code: string): string {
  try {
    return cached(`y${lang}`, () => new Intl.DisplayNames([lang], { type: 'currency', fallback: 'code' })).of(code) ?? code;
  } catch {
    return code;
  }
}

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "3 minutes ago"; `seconds` below zero is the past. */
export function relative(lang: string, seconds: number): string {
  const format = cached(`r${lang}`, () => new Intl.RelativeTimeFormat(formatTag(lang), { numeric: 'auto', style: 'short' }));
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, 'second');
}

/** How long something takes or waited, in its largest one or two units: "3 h 20 min". */
export function duration(lang: string, seconds: number): string {
  const unit = (value: number, name: 'day' | 'hour' | 'minute' | 'second') =>
    number(lang, value, { style: 'unit', unit: name, unitDisplay: 'short' });
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return unit(whole, 'second');
  if (whole < 3_600) return unit(Math.round(whole / 60), 'minute');
  if (whole < 86_400) {
    const minutes = Math.round((whole % 3_600) / 60);
    const hours = unit(Math.floor(whole / 3_600), 'hour');
    return minutes === 0 || minutes === 60 ? unit(Math.round(whole / 3_600), 'hour') : `${hours} ${unit(minutes, 'minute')}`;
  }
  const hours = Math.round((whole % 86_400) / 3_600);
  const days = unit(Math.floor(whole / 86_400), 'day');
  return hours === 0 || hours === 24 ? unit(Math.round(whole / 86_400), 'day') : `${days} ${unit(hours, 'hour')}`;
}

/** Keeps a name, id or amount from being torn apart by the text round it in RTL. */
export const isolate = (text: string): string => `\u2068${text}\u2069`;
