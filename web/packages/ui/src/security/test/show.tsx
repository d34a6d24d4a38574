import { ApiProvider, configureApi } from '@qd/api';
import { i18next } from '@qd/i18n';
import { MantineProvider } from '@mantine/core';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { initReactI18next } from 'react-i18next';

const files = import.meta.glob<Record<string, unknown>>('../../../../../../locales/en/{auth,common,errors,security}.json', { eager: true, import: 'default' });
const texts = Object.fromEntries(Object.entries(files).map(([path, content]) => [path.replace(/^.*\/|\.json$/g, ''), content]));

/** What a screen asked the server for. */
export interface Asked {
  method: string;
  path: string;
  key: string | null;
  body: unknown;
}

export function answer(status: number, body: unknown = {}): Response {
  return new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

export function refusal(status: number, code: string, pointer?: string): Response {
  return answer(status, { code, status, fields: pointer ? [{ pointer, code, expected: '' }] : [] });
}

/** A screen in English over a server made of a function. */
export function show(screen: ReactNode, serve: (asked: Asked, n: number) => Response | Promise<Response>): Asked[] {
  const all: Asked[] = [];
  configureApi({
    baseUrl: 'http://test.example',
    online: () => true,
    onSignedOut: () => {},
    fetch: async (request) => {
      const text = await request.clone().text();
      const asked: Asked = {
        method: request.method,
        path: new URL(request.url).pathname.replace('/api/v1', ''),
        key: request.headers.get('idempotency-key'),
        body: text ? JSON.parse(text) : undefined,
      };
      all.push(asked);
      return serve(asked, all.filter((a) => a.path === asked.path).length);
    },
  });
  if (!i18next.isInitialized) {
    void i18next.use(initReactI18next).init({
      lng: 'en',
      ns: Object.keys(texts),
      defaultNS: 'common',
      resources: { en: texts } as never,
      interpolation: { escapeValue: false },
    });
  }
  render(
    <MantineProvider env="test">
      <ApiProvider>{screen}</ApiProvider>
    </MantineProvider>,
  );
  return all;
}
