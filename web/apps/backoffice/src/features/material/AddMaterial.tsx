import { Button, Group, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { newKey, upload, useApiQuery, type Schema } from '@qd/api';
import { languageName, useTranslation } from '@qd/i18n';
import { Dialog, fieldText, focusErrors, Notice, showProblem, Upload, useForm } from '@qd/ui';
import { useCan, useSession } from '@qd/ui/app';
import { useRef, useState } from 'react';

const kinds = ['banner', 'text', 'landing'] as const;
type Kind = Schema<'MaterialKind'>;
const MEGABYTE = 1024 * 1024;

/** A banner, a text or a landing page for the partners of a brand. A picture is sent when it is chosen. */
export function AddMaterial({ opened, onClose, onDone }: { opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t, i18n } = useTranslation(['office-programmes', 'common']);
  const { boot } = useSession();
  const all = useApiQuery('/api/v1/brands', useCan('settings.view') && opened ? {} : null);
  const [above, setAbove] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey());
  // Who does not see the brands works at the door of one.
  const own = boot ? [{ code: boot.brand.code, name: boot.brand.name, entity: boot.entity.code, languages: boot.languages }] : [];
  const brands = all.data?.items ?? own;
  const form = useForm({
    mode: 'controlled',
    initialValues: { kind: 'banner' as string, brand: boot?.brand.code ?? '', language: i18n.language, name: '', landing: '/start', body: '' },
    validate: {
      name: (v) => (v.trim() ? null : fieldText('missing')),
      landing: (v) => (v.trim() ? null : fieldText('missing')),
      body: (v, values) => (values.kind !== 'text' || v.trim() ? null : fieldText('missing')),
    },
  });
  const v = form.values;
  const brand = brands.find((b) => b.code === v.brand) ?? brands[0];
  const languages = brand?.languages ?? [];
  const language = languages.includes(v.language) ? v.language : (languages[0] ?? v.language);
  const put = async (file: Blob, onProgress?: (share: number) => void, signal?: AbortSignal) => {
    const query = { entity: brand?.entity ?? '', brand: brand?.code ?? '', language, kind: v.kind as Kind, name: v.name.trim(), landing: v.landing.trim(), ...(v.kind === 'text' ? { body: v.body.trim() } : {}) };
    await upload('/api/v1/partner-material', { query, body: file }, { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}), idempotencyKey: key.current });
    key.current = newKey();
    form.reset();
    setAbove(null);
    onDone();
  };
  const send = form.onSubmit(async () => {
    setBusy(true);
    try {
      await put(new Blob([]));
    } catch (error) {
      // Another body may follow: the key belonged to the refused one.
      key.current = newKey();
      setAbove(showProblem(form, error));
    } finally {
      setBusy(false);
    }
  }, focusErrors(form));
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      size="lg"
      title={t('mat.add')}
      locked={busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
          {v.kind !== 'banner' && <Button onClick={() => send()} loading={busy}>{t('mat.add')}</Button>}
        </>
      }
    >
      <form onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          <Select label={t('mat.kind')} allowDeselect={false} data={kinds.map((value) => ({ value, label: t(`mat.kinds.${value}`) }))} {...form.getInputProps('kind')} />
          <Group grow align="start">
            <Select label={t('mat.brand')} allowDeselect={false} data={brands.map((b) => ({ value: b.code, label: b.name }))} {...form.getInputProps('brand')} value={brand?.code ?? null} />
            <Select label={t('mat.language')} allowDeselect={false} data={languages.map((code) => ({ value: code, label: languageName(i18n.language, code) }))} {...form.getInputProps('language')} value={language} />
          </Group>
          <TextInput label={t('mat.name')} required maxLength={100} dir="auto" {...form.getInputProps('name')} />
          <TextInput label={t('mat.landing')} description={t('mat.landingNote')} required dir="ltr" {...form.getInputProps('landing')} />
          {v.kind === 'text' && <Textarea label={t('mat.words')} description={t('mat.wordsNote')} required autosize minRows={4} maxLength={4000} dir="auto" {...form.getInputProps('body')} />}
          {v.kind === 'banner' && <Upload drawn label={t('mat.file')} hint={t('mat.fileHint')} accept={['image/png', 'image/jpeg']} maxSize={4 * MEGABYTE} disabled={v.name.trim() && v.landing.trim() ? null : t('mat.first')} send={put} />}
        </Stack>
      </form>
    </Dialog>
  );
}
