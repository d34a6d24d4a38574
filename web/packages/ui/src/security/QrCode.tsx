import { useEffect, useState } from 'react';

export interface QrCodeProps {
  text: string;
  /** What it is, for who cannot see it. */
  label: string;
  size?: number;
}

/** Black on white with its quiet zone, in dark mode too: cameras expect it so. */
export function QrCode({ text, label, size = 192 }: QrCodeProps) {
  const [drawn, setDrawn] = useState<{ path: string; side: number } | null>(null);
  useEffect(() => {
    let current = true;
    // Needed once in a person's life here: not part of any first page.
    void import('uqr').then(({ encode }) => {
      if (current) setDrawn(draw(encode(text, { ecc: 'M', border: 3 }).data));
    });
    return () => {
      current = false;
    };
  }, [text]);
  if (!drawn) return <svg width={size} height={size} aria-hidden />;
  return (
    <svg role="img" aria-label={label} width={size} height={size} viewBox={`0 0 ${drawn.side} ${drawn.side}`} shapeRendering="crispEdges">
      <rect width={drawn.side} height={drawn.side} fill="#fff" rx="1.2" />
      <path d={drawn.path} fill="#000" />
    </svg>
  );
}

function draw(rows: boolean[][]): { path: string; side: number } {
  const path = rows.map((row, y) => row.map((on, x) => (on ? `M${x} ${y}h1v1h-1z` : '')).join('')).join('');
  return { path, side: rows.length };
}
