import { Button, CopyButton, Select, Stack } from '@mantine/core';
import { href, useApiQuery } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { CopyId, Dialog, ErrorState, Notice } from '@qd/ui';
import { QrCode } from '@qd/ui/security';
import { useState } from 'react';
import { saveText } from '../../lib';
import classes from './material.module.css';

/** One piece of material with my code in it: address, text, HTML, QR code, picture. */
export function Pack({ id, name, codes, onClose }: { id: string | null; name: string; codes: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation('partner-tools');
  const [picked, setPicked] = useState<string | null>(null);
  const code = picked ?? codes[0];
  const one = useApiQuery('/api/v1/me/partner/material/{id}', id && code ? { path: { id }, query: { code } } : null);
  const p = one.data;
  const gone = one.error?.code === 'material_withdrawn';
  return (
    <Dialog
      opened={!!id}
      onClose={onClose}
      size="lg"
      title={p?.material.name ?? name}
      footer={
        p && id ? (
          <>
            <Button variant="default" onClick={() => saveText(p.qr_svg, `qr-${p.code}.svg`, 'image/svg+xml')}>{t('mat.qrSave')}</Button>
            {p.material.kind === 'banner' && <Button component="a" href={href('/api/v1/me/partner/material/{id}/picture', { path: { id }, query: { code: p.code } })} download>{t('mat.pictureSave')}</Button>}
          </>
        ) : undefined
      }
    >
      <Stack>
        {codes.length === 0 && <Notice tone="warn">{t('mat.noLinkText')}</Notice>}
        {codes.length > 0 && <Select label={t('mat.code')} allowDeselect={false} data={[...codes]} value={code ?? null} onChange={setPicked} />}
        {gone && <Notice tone="warn" title={t('mat.withdrawn')}>{t('mat.withdrawnText')}</Notice>}
        {one.error && !gone && <ErrorState error={one.error} onRetry={() => void one.refetch()} />}
        {p && (
          <>
            <div>
              <p className={classes.label}>{t('mat.link')}</p>
              <CopyId id={p.link} label={p.link} full />
            </div>
            {p.text && <Copied label={t('mat.ready')} text={p.text} />}
            {p.html && <Copied label={t('mat.html')} text={p.html} code />}
            <div className={classes.qr}>
              <QrCode text={p.link} label={t('mat.qr', { code: p.code })} />
            </div>
          </>
        )}
      </Stack>
    </Dialog>
  );
}

function Copied({ label, text, code }: { label: string; text: string; code?: boolean }) {
  const { t } = useTranslation('partner-tools');
  return (
    <div>
      <div className={classes.head}>
        <p className={classes.label}>{label}</p>
        <CopyButton value={text}>{({ copied, copy }) => <Button size="compact-sm" variant="default" onClick={copy}>{copied ? t('mat.copied') : t('mat.copy')}</Button>}</CopyButton>
      </div>
      <pre className={classes.text} dir={code ? 'ltr' : 'auto'} tabIndex={0} aria-label={label}>{text}</pre>
    </div>
  );
}
