import { i18next, useTranslation } from '@qd/i18n';
import { use } from 'react';

// The calendar formats with dayjs, which knows a language only once its file is loaded.
const files: Record<string, () => Promise<unknown>> = {
  ar: () => import('dayjs/locale/ar'),
  cs: () => import('dayjs/locale/cs'),
  de: () => import('dayjs/locale/de'),
  el: () => import('dayjs/locale/el'),
  es: () => import('dayjs/locale/es'),
  fa: () => import('dayjs/locale/fa'),
  fr: () => import('dayjs/locale/fr'),
  he: () => import('dayjs/locale/he'),
  hi: () => import('dayjs/locale/hi'),
  id: () => import('dayjs/locale/id'),
  it: () => import('dayjs/locale/it'),
  ja: () => import('dayjs/locale/ja'),
  ko: () => import('dayjs/locale/ko'),
  ms: () => import('dayjs/locale/ms'),
  nl: () => import('dayjs/locale/nl'),
  pl: () => import('dayjs/locale/pl'),
  pt: () => import('dayjs/locale/pt'),
  ro: () => import('dayjs/locale/ro'),
  sw: () => import('dayjs/locale/sw'),
  th: () => import('dayjs/locale/th'),
  tr: () => import('dayjs/locale/tr'),
  uk: () => import('dayjs/locale/uk'),
  ur: () => import('dayjs/locale/ur'),
  vi: () => import('dayjs/locale/vi'),
  zh: () => import('dayjs/locale/zh'),
};
const loading = new Map<string, Promise<unknown>>();

/** Suspends until the calendar speaks the present language; a missing file leaves it in English. */
export function useDayjsLocale(): string {
  const lang = i18next.language;
  const file = files[lang];
  if (file) {
    if (!loading.has(lang)) loading.set(lang, file().catch(() => null));
    use(loading.get(lang) as Promise<unknown>);
  }
  return lang;
}

/** Names of the calendar's arrows and head, which carry no text. */
export function useCalendarLabels() {
  const { t } = useTranslation('common');
  return {
    nextMonth: t('calendar.next_month'),
    previousMonth: t('calendar.previous_month'),
    nextYear: t('calendar.next_year'),
    previousYear: t('calendar.previous_year'),
    nextDecade: t('calendar.next_years'),
    previousDecade: t('calendar.previous_years'),
    monthLevelControl: t('calendar.choose_month'),
    yearLevelControl: t('calendar.choose_year'),
  };
}
