import { useBoot } from '@qd/api';
import { lazy, Suspense } from 'react';
import { Demo } from './Demo';
import { Frame } from './Frame';
import { SignIn } from './pages/SignIn';
import { home, type Where } from './where';

// The door itself is what people wait for; the other pages are pieces of their own.
const Forgot = lazy(() => import('./pages/Forgot').then((m) => ({ default: m.Forgot })));
const Register = lazy(() => import('./pages/Register').then((m) => ({ default: m.Register })));
const SetPassword = lazy(() => import('./pages/SetPassword').then((m) => ({ default: m.SetPassword })));
const Verify = lazy(() => import('./pages/Verify').then((m) => ({ default: m.Verify })));

export function App({ where }: { where: Where }) {
  const boot = useBoot();
  const demo = where.page === 'sign-in' && boot.data?.demo;
  return (
    <Frame boot={boot.data} staff={where.staff} aside={demo ? <Demo demo={demo} next={where.next} here={home(where)} /> : undefined}>
      <Suspense fallback={<div data-qd-loading aria-busy="true" />}>
        <Body where={where} />
      </Suspense>
    </Frame>
  );
}

function Body({ where }: { where: Where }) {
  switch (where.page) {
    case 'register':
      return <Register where={where} />;
    case 'forgot':
      return <Forgot where={where} />;
    case 'reset':
    case 'invite':
      return <SetPassword where={where} />;
    case 'verify':
      return <Verify where={where} />;
    default:
      return <SignIn where={where} />;
  }
}
