import { Button, Select, Stack } from '@mantine/core';
import { upload } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Dialog, Upload } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useProviders } from './providers';

const MAX_BYTES = 64 * 1024 * 1024;

/** Takes a provider's settlement file in; its page shows how far it has been read. */
export function LoadFile() {
  const { t } = useTranslation('office-recon');
  const navigate = useNavigate();
  const providers = useProviders();
  const [opened, setOpened] = useState(false);
  const [chosen, setChosen] = useState<string | null>(null);
  const connection = chosen ?? (providers.length === 1 ? (providers[0] ?? null) : null);
  return (
    <>
      <Button onClick={() => setOpened(true)}>{t('load')}</Button>
      <Dialog opened={opened} onClose={() => setOpened(false)} title={t('load')}>
        <Stack>
          <Select label={t('connection')} description={t('connectionHint')} data={[...providers]} value={connection} onChange={setChosen} required data-autofocus />
          <Upload
            label={t('file')}
            hint={t('fileHint')}
            accept={['*/*']}
            maxSize={MAX_BYTES}
            disabled={connection ? null : t('connectionFirst')}
            send={async (file, onProgress, signal) => {
              const loaded = await upload('/api/v1/reconciliation/files', { query: { connection: connection ?? '', name: file.name }, body: file }, { onProgress, signal });
              setOpened(false);
              void navigate({ to: `/reconciliation/files/${loaded.id}` as never });
            }}
          />
        </Stack>
      </Dialog>
    </>
  );
}
