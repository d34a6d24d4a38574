import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { i18next, useTranslation } from '@qd/i18n';
import { useCallback } from 'react';

/** Done at once, with a way back: for what is harmless, in place of "are you sure". */
export function useUndo(): (text: string, undo: () => void) => void {
  const { t } = useTranslation('common');
  return useCallback(
    (text, undo) => {
      const id = notifications.show({
        message: (
          <span style={{ display: 'flex', alignItems: 'center', gap: '0.75rem', justifyContent: 'space-between' }}>
            {text}
            <Button
              size="compact-sm"
              variant="light"
              onClick={() => {
                notifications.hide(id);
                undo();
              }}
            >
              {t('undo')}
            </Button>
          </span>
        ),
        autoClose: 8_000,
        withCloseButton: false,
      });
    },
    [t],
  );
}

/** "Saved", and the like; errors belong where they happened, not here. */
export function say(text: string, tone: 'good' | 'info' | 'bad' = 'good'): void {
  notifications.show({ message: text, color: tone === 'good' ? 'green' : tone === 'bad' ? 'red' : 'brand', autoClose: tone === 'bad' ? 10_000 : 4_000, closeButtonProps: { 'aria-label': i18next.t('common:close') } });
}
