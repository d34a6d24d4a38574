import '@fontsource-variable/inter/index.css';
import { ApiProvider, newQueryClient } from '@qd/api';
import { loadTexts, startTexts } from '@qd/i18n';
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import * as files from 'virtual:qd-locales/backoffice';
import { dressPage, installNonce, QdProvider, searchCodec } from '../../src/index';
import { Gallery } from './Gallery';

installNonce();
dressPage();
await startTexts({ files, namespace: 'office' });
await loadTexts('office-clients');
const router = createRouter({
  routeTree: createRootRoute({ component: Gallery }),
  history: createMemoryHistory(),
  ...searchCodec,
});
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <ApiProvider client={newQueryClient()}>
      <QdProvider>
        <RouterProvider router={router as never} />
      </QdProvider>
    </ApiProvider>,
  );
}
