import { ActionIcon, Loader, Tooltip } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconDownload, IconMinus, IconPlus, IconRotateClockwise, IconZoomReset } from '@tabler/icons-react';
import { lazy, Suspense, useRef, useState } from 'react';
import { ErrorState } from '../state/ErrorState';
import classes from './files.module.css';

const PdfPages = lazy(() => import('./PdfPages'));

export interface DocViewerProps {
  /** Address on our own origin; the cookie goes with it. */
  src: string;
  mime: string;
  name: string;
  /** For reviewers who may keep a copy. */
  downloadable?: boolean;
}

/** A document: zoom, rotate, drag. PDF pages are drawn by pdf.js, which is loaded only then. */
export function DocViewer({ src, mime, name, downloadable }: DocViewerProps) {
  const { t } = useTranslation('common');
  const [zoom, setZoom] = useState(1);
  const [turn, setTurn] = useState(0);
  const [broken, setBroken] = useState(false);
  const drag = useRef<{ x: number; y: number; left: number; top: number } | null>(null);
  const stage = useRef<HTMLDivElement>(null);
  const step = (by: number) => setZoom((z) => Math.min(6, Math.max(0.5, z * by)));
  const pdf = mime === 'application/pdf';
  const heic = mime === 'image/heic';

  return (
    <div className={classes.viewer}>
      <div className={classes.viewerBar} role="toolbar" aria-label={name}>
        <Tool label={t('doc.zoom_out')} onClick={() => step(1 / 1.4)} icon={<IconMinus size={17} />} />
        <Tool label={t('doc.zoom_in')} onClick={() => step(1.4)} icon={<IconPlus size={17} />} />
        <Tool label={t('doc.fit')} onClick={() => setZoom(1)} icon={<IconZoomReset size={17} />} />
        <Tool label={t('doc.rotate')} onClick={() => setTurn((r) => (r + 90) % 360)} icon={<IconRotateClockwise size={17} />} />
        {(downloadable || heic) && (
          <Tooltip label={t('doc.download')}>
            <ActionIcon component="a" href={src} download={name} variant="subtle" color="gray" aria-label={t('doc.download')}>
              <IconDownload size={17} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      <div
        ref={stage}
        className={classes.stage}
        tabIndex={0}
        role="group"
        aria-label={name}
        onKeyDown={(e) => {
          if (e.key === '+' || e.key === '=') step(1.4);
          else if (e.key === '-') step(1 / 1.4);
          else if (e.key === '0') setZoom(1);
          else if (e.key === 'r') setTurn((r) => (r + 90) % 360);
          else return;
          e.preventDefault();
          e.stopPropagation();
        }}
        onPointerDown={(e) => {
          const el = stage.current;
          if (!el || e.pointerType === 'touch') return;
          drag.current = { x: e.clientX, y: e.clientY, left: el.scrollLeft, top: el.scrollTop };
          el.setPointerCapture(e.pointerId);
        }}
        onPointerMove={(e) => {
          const el = stage.current;
          if (!el || !drag.current) return;
          el.scrollLeft = drag.current.left - (e.clientX - drag.current.x);
          el.scrollTop = drag.current.top - (e.clientY - drag.current.y);
        }}
        onPointerUp={() => {
          drag.current = null;
        }}
        onWheel={(e) => e.ctrlKey && step(e.deltaY < 0 ? 1.15 : 1 / 1.15)}
      >
        {broken || heic ? (
          heic ? <p className={classes.text}>{t('doc.heic')}</p> : <ErrorState error={{ code: 'document_unreadable' }} onRetry={() => setBroken(false)} />
        ) : pdf ? (
          <Suspense fallback={<Loader m="xl" />}>
            <PdfPages src={src} zoom={zoom} turn={turn} onBroken={() => setBroken(true)} />
          </Suspense>
        ) : (
          <img
            src={src}
            alt={name}
            draggable={false}
            onError={() => setBroken(true)}
            style={{ inlineSize: `${zoom * 100}%`, transform: turn ? `rotate(${turn}deg)` : undefined }}
          />
        )}
      </div>
    </div>
  );
}

function Tool({ label, onClick, icon }: { label: string; onClick: () => void; icon: React.ReactNode }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" onClick={onClick} aria-label={label}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
