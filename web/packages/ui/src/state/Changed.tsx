import { Button } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { Notice } from './Notice';

/** The record changed while somebody reads it: nothing moves until they ask. For queries with `live: 'mark'`. */
export function Changed({ waiting, onShow }: { waiting: number; onShow: () => void }) {
  const { t } = useTranslation('common');
  if (waiting === 0) return null;
  return (
    <Notice
      tone="warn"
      action={
        <Button size="compact-sm" variant="default" onClick={onShow}>
          {t('changed.show')}
        </Button>
      }
    >
      {t('changed.text')}
    </Notice>
  );
}
