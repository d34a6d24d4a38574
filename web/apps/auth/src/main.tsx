import '@fontsource-variable/inter/index.css';
import '@qd/ui/boot.css';
import { ApiProvider } from '@qd/api';
import { startTexts } from '@qd/i18n';
import { dressPage, installNonce, QdProvider } from '@qd/ui';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import * as files from 'virtual:qd-locales/auth';
import { App } from './App';
import { rememberCame } from './came';
import { whereIs } from './where';

async function start() {
  installNonce();
  dressPage();
  await startTexts({ files, namespace: 'auth' });
  const where = whereIs(location);
  rememberCame(where, document.referrer, document.documentElement.lang);
  const root = document.getElementById('root');
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <ApiProvider>
        <QdProvider>
          <App where={where} />
        </QdProvider>
      </ApiProvider>
    </StrictMode>,
  );
}

void start();
