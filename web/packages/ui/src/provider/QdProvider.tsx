import { DirectionProvider, MantineProvider } from '@mantine/core';
import '@mantine/notifications/styles.css';
import { I18nextProvider } from 'react-i18next';
import { i18next, useTranslation } from '@qd/i18n';
import { lazy, Suspense, type ReactNode } from 'react';
import '../styles';
import { cssVariablesResolver, theme } from '../theme/theme';
import { Bars } from './Bars';
import { ErrorBoundary } from './ErrorBoundary';
import { styleNonce } from './nonce';
import { schemeManager } from './scheme';

// Nothing is said in the first moment: it need not be part of the first page.
const Notifications = lazy(() => import('@mantine/notifications').then((m) => ({ default: m.Notifications })));

interface Props {
  children: ReactNode;
  /** `test` switches transitions and portals off. */
  env?: 'default' | 'test';
}

/** Everything a screen may rely on: theme, direction, texts, notifications, a net below it. */
export function QdProvider({ children, env = 'default' }: Props) {
  return (
    <I18nextProvider i18n={i18next}>
      <Localised env={env}>{children}</Localised>
    </I18nextProvider>
  );
}

function Localised({ children, env }: Required<Props>) {
  const { i18n } = useTranslation();
  const dir = i18n.dir(i18n.language);
  return (
    <DirectionProvider key={dir} initialDirection={dir} detectDirection={false}>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariablesResolver}
        getStyleNonce={styleNonce}
        colorSchemeManager={schemeManager}
        defaultColorScheme="auto"
        env={env}
      >
        <ErrorBoundary>
          <Bars />
          <Suspense fallback={null}>{children}</Suspense>
        </ErrorBoundary>
        <Suspense>
          <Notifications position="bottom-center" limit={4} />
        </Suspense>
      </MantineProvider>
    </DirectionProvider>
  );
}
