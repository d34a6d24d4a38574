import { Button, Stack, Switch, Textarea } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { plain, serverText, useTranslation } from '@qd/i18n';
import { Card, CopyId, Diff, Drawer, errorText, KeyValue, Notice, ReasonDialog, say } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useState } from 'react';
import { formOf } from './form/fields';
import { SettingForm } from './form/SettingForm';
import { KindHistory } from './KindHistory';
import { scopeText, settingText } from './words';

/** A place of the document in the form's words; deeper ones keep the rest of their path. */
const fieldName = (key: string | undefined, path: string): string => {
  const form = key === undefined ? undefined : formOf(key);
  const field = form?.fields.find((f) => path === (f.at.join('.') || 'value') || path.startsWith(f.at.length > 0 ? `${f.at.join('.')}.` : ''));
  if (!form || !field) return plain(path);
  const rest = path.slice(field.at.join('.').length).replace(/^\.|^value$/, '');
  return serverText('office-settings', `${form.slug}.${field.name}`) + (rest ? ` · ${plain(rest)}` : '');
};
const parts = (doc: unknown): Record<string, unknown> => (doc !== null && typeof doc === 'object' && !Array.isArray(doc) ? (doc as Record<string, unknown>) : { value: doc });

/** One setting as a form, its document for experts; saved after the changes were looked at. Version 0: not set yet. */
export function SettingDrawer({ setting, standard, wider, onClose, onSaved }: { setting: Schema<'Setting'> | undefined; standard: unknown; /** The whole house's value, where this one is an entity's. */ wider?: unknown; onClose: () => void; onSaved: () => void }) {
  const { t } = useTranslation(['office-house', 'office-settings']);
  const may = useCan('settings.edit');
  const put = useWrite('put', '/api/v1/settings/{scope}/{key}');
  const [text, setText] = useState('');
  const [doc, setDoc] = useState<unknown>(null);
  const [expert, setExpert] = useState(false);
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const [ready, setReady] = useState('');
  const id = setting && `${setting.scope}/${setting.key}`;
  const version = setting?.version;
  const form = setting && formOf(setting.key);
  // An empty field of such a form is said elsewhere: a new document begins with nothing.
  const begin = version === 0 && form?.inherits ? {} : (setting?.value ?? null);
  const counts = form?.inherits ? { ...(standard as object | null), ...(wider as object | null | undefined) } : standard;
  useEffect(() => {
    setDoc(begin);
    setText(setting ? JSON.stringify(begin, null, 2) : '');
    setReady(`${id} ${version}`);
    setExpert(false);
    setAsking(false);
    setFailed(null);
    // What is being edited is this setting in this version; the list may bring the same one again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, version]);
  const json = expert || !form;
  let value: unknown = doc;
  let bad = false;
  if (json) {
    try {
      value = JSON.parse(text || 'null');
    } catch {
      bad = true;
    }
  }
  const before = version === 0 && !form?.inherits ? standard : begin;
  const changed = !bad && JSON.stringify(value) !== JSON.stringify(begin);
  const problems = (failed as { fields?: readonly { pointer: string; code: string }[] } | null)?.fields ?? [];
  const errors = Object.fromEntries(problems.filter((f) => f.pointer.startsWith('/value')).map((f) => [f.pointer.slice('/value'.length), f.code]));
  const placed = form && !json && Object.keys(errors).length > 0;
  const toggle = (on: boolean) => {
    if (on) setText(JSON.stringify(doc, null, 2));
    else if (!bad) setDoc(value);
    setExpert(on);
  };
  const save = (reason: string) => {
    if (!setting) return;
    put.run({ path: { scope: setting.scope, key: setting.key }, body: { value: value as never, reason, version: setting.version } }).then(
      () => { setFailed(null); setAsking(false); say(t('saved')); onSaved(); },
      (e: unknown) => {
        setFailed(e);
        // A problem with a value is shown where the value is typed.
        if (((e as { fields?: readonly unknown[] }).fields ?? []).length > 0) setAsking(false);
      },
    );
  };
  return (
    <Drawer
      opened={!!setting}
      onClose={onClose}
      size="lg"
      title={setting ? settingText(setting.key) : ''}
      footer={may ? <Button disabled={bad || !(changed || (version === 0 && !form?.inherits))} onClick={() => { setFailed(null); setAsking(true); }}>{t('office-settings:review')}</Button> : undefined}
    >
      {setting && (
        <Stack>
          <KeyValue
            items={[
              { label: t('setting.scope'), value: scopeText(setting.scope) },
              { label: t('code'), value: <CopyId id={setting.key} full /> },
              { label: t('version'), value: setting.version === 0 ? t('office-settings:builtIn') : setting.version },
            ]}
          />
          {failed !== null && !placed && !asking && <Notice tone="bad">{errorText(failed)}{problems.map((f) => <div key={f.pointer}><bdi dir="ltr" className="qd-mono">{f.pointer.replace(/^\/value/, '') || '/'}</bdi></div>)}</Notice>}
          {form && <Switch label={t('office-settings:expert')} checked={expert} onChange={(e) => toggle(e.currentTarget.checked)} disabled={expert && bad} />}
          {json ? (
            <Textarea label={t('setting.value')} description="JSON" dir="ltr" autosize minRows={4} maxRows={20} classNames={{ input: 'qd-mono' }} readOnly={!may} value={text} onChange={(e) => setText(e.currentTarget.value)} error={bad && t('notJson')} />
          ) : (
            // The document is there a moment after the setting: tables would begin with the one before.
            form && ready === `${id} ${version}` && <SettingForm key={ready} form={form} doc={doc} standard={counts} readOnly={!may} errors={errors} onChange={setDoc} />
          )}
          {setting.version > 0 && <Card title={t('history')}><KindHistory kind="setting" code={`${setting.scope}~${setting.key}`} /></Card>}
        </Stack>
      )}
      <ReasonDialog opened={asking} onClose={() => setAsking(false)} size="lg" title={t('office-settings:review')} text={t('office-settings:reviewText')} confirm={t('save')} busy={put.busy} error={asking ? failed : null} onConfirm={({ note }) => save(note)}>
        {changed || version === 0 ? <Diff before={parts(before)} after={parts(value)} label={(path) => fieldName(setting?.key, path)} /> : null}
      </ReasonDialog>
    </Drawer>
  );
}
