import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { IconCopy, IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import classes from './security.module.css';

export interface RecoveryCodesProps {
  codes: readonly string[];
  onDone: () => void;
}

/** Shown this once; one cannot go on without saying that they are kept. */
export function RecoveryCodes({ codes, onDone }: RecoveryCodesProps) {
  const { t } = useTranslation('security');
  const [kept, setKept] = useState(false);
  const [copied, setCopied] = useState(false);
  const text = codes.join('\n');
  const save = () => {
    const url = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
    const a = document.createElement('a');
    a.href = url;
    a.download = 'recovery-codes.txt';
    a.click();
    URL.revokeObjectURL(url);
  };
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(true);
  };
  return (
    <Stack gap="md">
      <Text size="sm">{t('recovery.why')}</Text>
      <ol className={classes.codes} dir="ltr" aria-label={t('recovery.title')}>
        {codes.map((c) => (
          <li key={c}>{c}</li>
        ))}
      </ol>
      <Group gap="xs">
        <Button variant="default" size="xs" leftSection={<IconDownload size={15} aria-hidden />} onClick={save}>
          {t('recovery.save')}
        </Button>
        {navigator.clipboard && (
          <Button variant="default" size="xs" leftSection={<IconCopy size={15} aria-hidden />} onClick={copy}>
            {copied ? t('recovery.copied') : t('recovery.copy')}
          </Button>
        )}
      </Group>
      <Checkbox label={t('recovery.kept')} checked={kept} onChange={(e) => setKept(e.currentTarget.checked)} />
      <Button disabled={!kept} onClick={onDone} aria-describedby={kept ? undefined : 'recovery-wait'}>
        {t('recovery.done')}
      </Button>
      {!kept && (
        <Text id="recovery-wait" size="xs" c="dimmed">
          {t('recovery.wait')}
        </Text>
      )}
    </Stack>
  );
}
