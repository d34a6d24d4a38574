import { Loader } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { GlobalWorkerOptions, getDocument, type PDFDocumentProxy } from 'pdfjs-dist';
import worker from 'pdfjs-dist/build/pdf.worker.min.mjs?url';
import { useEffect, useRef, useState } from 'react';

// A file of our own: the policy allows no other worker.
GlobalWorkerOptions.workerSrc = worker;

interface Props {
  src: string;
  zoom: number;
  turn: number;
  onBroken: () => void;
}

export default function PdfPages({ src, zoom, turn, onBroken }: Props) {
  const [doc, setDoc] = useState<PDFDocumentProxy | null>(null);
  useEffect(() => {
    // No eval (policy) and no scripts of the file's own; no WASM decoders either.
    const task = getDocument({ url: src, isEvalSupported: false, enableXfa: false, useWasm: false, withCredentials: true });
    let gone = false;
    task.promise.then(
      (found) => !gone && setDoc(found),
      () => !gone && onBroken(),
    );
    return () => {
      gone = true;
      void task.destroy();
    };
  }, [src, onBroken]);
  if (!doc) return <Loader m="xl" />;
  return (
    <div>
      {Array.from({ length: Math.min(doc.numPages, 60) }, (_, at) => (
        <Page key={at} doc={doc} at={at + 1} zoom={zoom} turn={turn} />
      ))}
    </div>
  );
}

function Page({ doc, at, zoom, turn }: { doc: PDFDocumentProxy; at: number; zoom: number; turn: number }) {
  const { t } = useTranslation('common');
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let gone = false;
    let stop: (() => void) | undefined;
    void doc.getPage(at).then((page) => {
      const el = canvas.current;
      if (gone || !el) return;
      const base = page.getViewport({ scale: 1, rotation: (page.rotate + turn) % 360 });
      const wide = (el.parentElement?.parentElement?.clientWidth ?? 600) * zoom;
      const ratio = Math.min(2, devicePixelRatio || 1);
      const viewport = page.getViewport({ scale: (wide / base.width) * ratio, rotation: (page.rotate + turn) % 360 });
      el.width = viewport.width;
      el.height = viewport.height;
      el.style.inlineSize = `${viewport.width / ratio}px`;
      const task = page.render({ canvas: el, viewport });
      stop = () => task.cancel();
      task.promise.catch(() => {});
    });
    return () => {
      gone = true;
      stop?.();
    };
  }, [doc, at, zoom, turn]);
  return <canvas ref={canvas} role="img" aria-label={t('doc.page', { page: at })} />;
}
