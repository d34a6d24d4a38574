import '@fontsource-variable/inter/index.css';
import '../boot.css';
import { ApiProvider, guardSession, newQueryClient } from '@qd/api';
import { startTexts, type LocaleFiles } from '@qd/i18n';
import { createRootRoute, createRouter, RouterProvider, type AnyRoute } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ErrorState } from '../state/ErrorState';
import { NotFound } from './pages';
import { installNonce } from '../provider/nonce';
import { dressPage } from '../provider/prefs';
import { QdProvider } from '../provider/QdProvider';
import { searchCodec } from '../table/useSearchState';
import type { Feature, Portal } from './feature';
import { ownRoutes } from './ownRoutes';
import { makeShell } from './Shell';

export interface StartOptions extends Portal {
  files: LocaleFiles;
  features: readonly Feature[];
}

/** From an empty page to a portal: texts, router, session, frame. */
export async function startPortal({ files, features, ...portal }: StartOptions): Promise<void> {
  installNonce();
  dressPage();
  guardSession();
  await startTexts({ files, namespace: portal.namespace });
  const queries = newQueryClient();
  const root = createRootRoute({ component: makeShell(portal, features), notFoundComponent: NotFound });
  const tree = root.addChildren([...features.flatMap((f) => f.routes(root as AnyRoute)), ...ownRoutes(root as AnyRoute)]);
  const router = createRouter({
    routeTree: tree,
    basepath: portal.base,
    ...searchCodec,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    context: { queries } as never,
    defaultErrorComponent: ({ error, reset }) => <ErrorState error={error} onRetry={reset} page />,
    defaultNotFoundComponent: NotFound,
  });
  const host = document.getElementById('root');
  if (!host) return;
  createRoot(host).render(
    <StrictMode>
      <ApiProvider client={queries}>
        <QdProvider>
          <RouterProvider router={router} />
        </QdProvider>
      </ApiProvider>
    </StrictMode>,
  );
}
