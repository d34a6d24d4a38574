/** What must be known of a language before its texts are there. Weeks: 1 is Monday, 7 is Sunday. */
export interface Language {
  code: string;
  /** In its own letters: what the language menu shows. */
  name: string;
  dir: 'ltr' | 'rtl';
  /** Used when the browser knows no week information. */
  firstDay: number;
  weekend: readonly number[];
}

const language = (code: string, name: string, firstDay = 1, weekend: readonly number[] = [6, 7]): Language => ({
  code,
  name,
  dir: rtlCodes.has(code) ? 'rtl' : 'ltr',
  firstDay,
  weekend,
});

const rtlCodes = new Set(['ar', 'fa', 'he', 'ur']);

/** Languages the portals can be shown in; a folder below /locales with these codes switches one on. */
export const languages: readonly Language[] = [
  language('en', 'English'),
  language('de', 'Deutsch'),
  language('ar', 'العربية', 6, [5, 6]),
  language('es', 'Español'),
  language('pt', 'Português', 7),
  language('fr', 'Français'),
  language('it', 'Italiano'),
  language('nl', 'Nederlands'),
  language('pl', 'Polski'),
  language('cs', 'Čeština'),
  language('ro', 'Română'),
  language('el', 'Ελληνικά'),
  language('tr', 'Türkçe'),
  language('uk', 'Українська'),
  language('fa', 'فارسی', 6, [5]),
  language('he', 'עברית', 7, [5, 6]),
  language('ur', 'اردو', 7),
  language('hi', 'हिन्दी', 7, [7]),
  language('id', 'Bahasa Indonesia', 7),
  language('ms', 'Bahasa Melayu'),
  language('vi', 'Tiếng Việt'),
  language('th', 'ไทย', 7),
  language('zh', '简体中文'),
  language('ja', '日本語', 7),
  language('ko', '한국어', 7),
  language('sw', 'Kiswahili', 7),
];

const byCode = new Map(languages.map((entry) => [entry.code, entry]));

/** `de-AT` is `de`; what nobody knows is English. */
export function languageOf(tag: string | undefined): Language {
  const code = (tag ?? 'en').toLowerCase().split(/[-_]/)[0] ?? 'en';
  return byCode.get(code) ?? (byCode.get('en') as Language);
}

interface WeekInfo {
  firstDay: number;
  weekend: number[];
}

/** First day and weekend of a locale, from the browser where it knows, else from the table. */
export function weekOf(tag: string): { firstDay: number; weekend: readonly number[] } {
  const known = languageOf(tag);
  try {
    const locale = new Intl.Locale(tag) as Intl.Locale & { getWeekInfo?: () => WeekInfo; weekInfo?: WeekInfo };
    const info = locale.getWeekInfo?.() ?? locale.weekInfo;
    if (info) return { firstDay: info.firstDay, weekend: info.weekend };
  } catch {
    // An unknown tag: the table answers.
  }
  return known;
}
