import { Button, Stack, Textarea } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, CopyId, Drawer, errorText, KeyValue, Notice, say } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useState } from 'react';
import { KindHistory } from './KindHistory';
import { scopeText, settingText } from './words';

/** One setting as its document; the server checks it against what the setting may hold. */
export function SettingDrawer({ setting, onClose, onSaved }: { setting: Schema<'Setting'> | undefined; onClose: () => void; onSaved: () => void }) {
  const { t } = useTranslation('office-house');
  const may = useCan('settings.edit');
  const put = useWrite('put', '/api/v1/settings/{scope}/{key}');
  const [text, setText] = useState('');
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  useEffect(() => {
    setText(setting ? JSON.stringify(setting.value, null, 2) : '');
    setReason('');
    setTried(false);
    setFailed(null);
  }, [setting]);
  let value: unknown;
  let bad = false;
  try {
    value = JSON.parse(text || 'null');
  } catch {
    bad = true;
  }
  const send = () => {
    setTried(true);
    if (!setting || bad || reason.trim() === '') return;
    put.run({ path: { scope: setting.scope, key: setting.key }, body: { value: value as never, reason: reason.trim(), version: setting.version } }).then(
      () => { say(t('saved')); onSaved(); },
      (e: unknown) => setFailed(e),
    );
  };
  return (
    <Drawer opened={!!setting} onClose={onClose} size="lg" title={setting ? settingText(setting.key) : ''} footer={may ? <Button onClick={send} loading={put.busy}>{t('save')}</Button> : undefined}>
      {setting && (
        <Stack>
          <KeyValue items={[{ label: t('setting.scope'), value: scopeText(setting.scope) }, { label: t('code'), value: <CopyId id={setting.key} full /> }, { label: t('version'), value: setting.version }]} />
          {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
          <Textarea label={t('setting.value')} description="JSON" dir="ltr" autosize minRows={4} maxRows={20} classNames={{ input: 'qd-mono' }} readOnly={!may} value={text} onChange={(e) => setText(e.currentTarget.value)} error={bad && t('notJson')} />
          {may && <Textarea label={t('reason')} required autosize minRows={2} dir="auto" value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={tried && reason.trim() === '' && t('reasonMissing')} />}
          <Card title={t('history')}><KindHistory kind="setting" code={`${setting.scope}~${setting.key}`} /></Card>
        </Stack>
      )}
    </Drawer>
  );
}
