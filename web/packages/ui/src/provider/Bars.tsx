import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconCloudOff, IconRefresh } from '@tabler/icons-react';
import { useEffect, useSyncExternalStore } from 'react';
import classes from './Bars.module.css';

let stale = false;
const listeners = new Set<() => void>();

/** After a deploy: files this page would load later are gone. */
export function newVersionThere(): void {
  stale = true;
  for (const tell of listeners) tell();
}

const subscribe = (tell: () => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

function subscribeOnline(tell: () => void) {
  window.addEventListener('online', tell);
  window.addEventListener('offline', tell);
  return () => {
    window.removeEventListener('online', tell);
    window.removeEventListener('offline', tell);
  };
}

/** One line on top of everything while there is no network, or when the page is older than the server. */
export function Bars() {
  const { t } = useTranslation('common');
  const old = useSyncExternalStore(subscribe, () => stale);
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  useChunkReload();
  if (online && !old) return null;
  return (
    <div className={classes.bar} role="status" data-kind={online ? 'new' : 'offline'}>
      {online ? <IconRefresh size={16} aria-hidden /> : <IconCloudOff size={16} aria-hidden />}
      <span>{online ? t('bar.new_version') : t('bar.offline')}</span>
      {online && (
        <Button size="compact-xs" variant="white" color="dark" onClick={() => location.reload()}>
          {t('bar.reload')}
        </Button>
      )}
    </div>
  );
}

const once = 'qd.reloaded_for_chunk';

/** A chunk of the old build that is gone: reload once by itself, then leave it to the person. */
function useChunkReload() {
  useEffect(() => {
    const failed = (event: Event) => {
      event.preventDefault();
      const last = Number(sessionStorage.getItem(once) ?? 0);
      if (Date.now() - last > 60_000) {
        sessionStorage.setItem(once, String(Date.now()));
        location.reload();
      } else newVersionThere();
    };
    window.addEventListener('vite:preloadError', failed);
    return () => window.removeEventListener('vite:preloadError', failed);
  }, []);
}
