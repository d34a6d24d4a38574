import { ApiProvider, configureApi, newQueryClient } from '@qd/api';
import { i18next } from '@qd/i18n';
import { createMemoryHistory, createRootRoute, createRoute, createRouter, Outlet, RouterProvider } from '@tanstack/react-router';
import { render, type RenderResult } from '@testing-library/react';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReactNode } from 'react';
import { initReactI18next } from 'react-i18next';
import { QdProvider } from '../provider/QdProvider';
import { searchCodec } from '../table/useSearchState';

const folder = join(import.meta.dirname, '../../../../../locales');

/** All texts of a language, as the page would have them. */
export async function speak(lang: string): Promise<void> {
  const resources: Record<string, Record<string, unknown>> = {};
  for (const file of readdirSync(join(folder, 'en'))) {
    const path = join(folder, lang, file);
    if (existsSync(path)) resources[file.replace('.json', '')] = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  }
  if (!i18next.isInitialized) {
    await i18next.use(initReactI18next).init({
      lng: lang, fallbackLng: false, defaultNS: 'common', fallbackNS: ['common'], ns: Object.keys(resources),
      resources: { [lang]: resources as never }, returnNull: false, interpolation: { escapeValue: false },
    });
  } else {
    for (const [name, texts] of Object.entries(resources)) i18next.addResourceBundle(lang, name, texts, true, true);
    await i18next.changeLanguage(lang);
  }
  document.documentElement.lang = lang;
  document.documentElement.dir = i18next.dir(lang);
}

export interface Screen extends RenderResult {
  /** Where the screen is now: `/clients?stage=lead`. */
  address: () => string;
}

/** A component with texts, theme, router and an empty cache. */
export async function renderScreen(ui: ReactNode, options: { at?: string; lang?: string } = {}): Promise<Screen> {
  await speak(options.lang ?? 'en');
  const root = createRootRoute({ component: Outlet });
  const any = createRoute({ getParentRoute: () => root, path: '$', component: () => ui });
  const home = createRoute({ getParentRoute: () => root, path: '/', component: () => ui });
  const router = createRouter({
    routeTree: root.addChildren([home, any]),
    history: createMemoryHistory({ initialEntries: [options.at ?? '/'] }),
    ...searchCodec,
  });
  await router.load();
  const shown = render(
    <ApiProvider client={newQueryClient()}>
      <QdProvider env="test">
        <RouterProvider router={router as never} />
      </QdProvider>
    </ApiProvider>,
  );
  return { ...shown, address: () => router.state.location.href };
}

/** Answers of the API by `METHOD /path` (a query may follow the path or be left out); what is not listed is 404. */
export function answer(answers: Record<string, unknown | ((request: Request) => unknown)>): Request[] {
  const asked: Request[] = [];
  configureApi({
    baseUrl: 'http://localhost',
    fetch: async (request) => {
      asked.push(request.clone());
      const url = new URL(request.url);
      const known = answers[`${request.method} ${url.pathname}${url.search}`] ?? answers[`${request.method} ${url.pathname}`];
      if (known === undefined) return Response.json({ code: 'not_found', status: 404 }, { status: 404 });
      const body = typeof known === 'function' ? await (known as (r: Request) => unknown)(request) : known;
      return body instanceof Response ? body : Response.json(body);
    },
  });
  return asked;
}
