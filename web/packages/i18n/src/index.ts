import i18next, { type BackendModule } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { formatTag, isolate } from './format';
import { languageOf, languages } from './languages';

export { Trans, useTranslation } from 'react-i18next';
export * from './format';
export * from './languages';
export { i18next };

export interface LocaleFiles {
  first: Record<string, LocaleFile>;
  more: Record<string, Record<string, LocaleFile>>;
}

interface Start {
  /** The import of `virtual:qd-locales/<app>`. */
  files: LocaleFiles;
  /** The namespace `t('key')` means without a prefix. */
  namespace: string;
  /** Single texts a brand says differently: `{ 'common:sign_out': 'Log off' }`. */
  overrides?: Record<string, string>;
}

let files: LocaleFiles = { first: {}, more: {} };

/** The languages this build has texts for. */
export const builtLanguages = (): string[] => languages.map((each) => each.code).filter((code) => code in files.first);

/** Chosen before (cookie `qd_lang`, which the server reads too), else as the server wrote the page. */
export function firstLanguage(): string {
  const chosen = document.cookie.match(/(?:^|;\s*)qd_lang=([\w-]+)/)?.[1];
  const wanted = chosen ?? document.documentElement.lang ?? navigator.language;
  const { code } = languageOf(wanted.startsWith('__') ? navigator.language : wanted);
  return code in files.first ? code : 'en';
}

/** One locale is loaded, and English only in its place when that file is missing. */
export async function startTexts(start: Start): Promise<void> {
  files = start.files;
  const lang = firstLanguage();
  const texts = await load(files.first, lang);
  const backend: BackendModule = {
    type: 'backend',
    init() {},
    read(language, namespace, done) {
      const byLang = files.more[namespace];
      if (!byLang) return done(null, {});
      load(byLang, language).then(
        (found) => done(null, (found[namespace] ?? {}) as never),
        (error: Error) => done(error, false),
      );
    },
  };
  await i18next
    .use(backend)
    .use(initReactI18next)
    .init({
      lng: lang,
      fallbackLng: false,
      ns: Object.keys(texts),
      defaultNS: start.namespace,
      fallbackNS: ['common'],
      resources: { [lang]: texts as never },
      partialBundledLanguages: true,
      returnNull: false,
      interpolation: {
        escapeValue: true,
        // React escapes; what is left to do is to isolate values, or "Maya L." shows as ".Maya L" in Arabic.
        escape: (value: string) => (languageOf(i18next.language).dir === 'rtl' ? isolate(value) : value),
      },
      react: { useSuspense: true },
    });
  for (const [key, text] of Object.entries(start.overrides ?? {})) {
    const [namespace, path] = key.includes(':') ? (key.split(/:(.*)/) as [string, string]) : ['common', key];
    i18next.addResource(lang, namespace, path, text);
  }
  dress(lang);
}

/** A feature's own texts; call it in the route's loader so that they are there with the screen. */
export async function loadTexts(...namespaces: string[]): Promise<void> {
  await i18next.loadNamespaces(namespaces);
}

/** Other language: remembered for a year, texts of all namespaces in use are loaded, then shown at once. */
export async function changeLanguage(lang: string): Promise<void> {
  const { code } = languageOf(lang);
  if (!(code in files.first)) return;
  const texts = await load(files.first, code);
  for (const [namespace, values] of Object.entries(texts)) i18next.addResourceBundle(code, namespace, values, true, true);
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `qd_lang=${code}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  await i18next.changeLanguage(code);
  dress(code);
}

function dress(lang: string): void {
  document.documentElement.lang = lang;
  document.documentElement.dir = languageOf(lang).dir;
}

async function load(byLang: Record<string, LocaleFile>, lang: string): Promise<Record<string, Record<string, unknown>>> {
  const file = byLang[lang] ?? byLang.en;
  return file ? (await file()).default : {};
}

/**
 * A text whose key the server decided (`withdrawal.review`, `reject.expired`): not typed, and shown as
 * plain words when the catalogue does not know it, so that a newer server never shows a raw key.
 */
export function serverText(namespace: string, key: string, values: Record<string, unknown> = {}): string {
  const full = `${namespace}:${key}`;
  const text = i18next.exists(full) ? i18next.t(full as never, values as never) : '';
  return (text as unknown as string) || plain(key);
}

export const hasText = (namespace: string, key: string): boolean => i18next.exists(`${namespace}:${key}`);

/** `deposit.in_wallet` -> "In wallet". */
export function plain(key: string): string {
  const words = (key.split('.').pop() ?? key).replaceAll('_', ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const currentTag = (): string => formatTag(i18next.language);
