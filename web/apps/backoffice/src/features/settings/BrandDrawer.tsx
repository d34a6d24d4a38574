import { Button, NumberInput, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Drawer, fieldText, focusErrors, Notice, say, showProblem, useForm } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useState } from 'react';
import { KindHistory } from './KindHistory';
import classes from './settings.module.css';

type Brand = Schema<'Brand'>;

/** The brand's colour as buttons have it: lightness is fixed, so that any hue is readable. */
export function Swatch({ hue }: { hue: number }) {
  return <span className={classes.swatch} style={{ background: `oklch(0.52 0.13 ${hue})` }} aria-hidden />;
}

export function BrandDrawer({ brand, adding, onClose, onSaved }: { brand: Brand | undefined; adding: boolean; onClose: () => void; onSaved: () => void }) {
  const { t } = useTranslation(['office-house', 'office-settings']);
  const entities = useApiQuery('/api/v1/entities', adding ? {} : null);
  const may = useCan('entities.edit');
  const put = useWrite('put', '/api/v1/brands/{code}');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { code: '', entity: '', name: '', host: '', mail_from: '', hue: 250 as number | string, languages: [] as string[], reason: '' },
    validate: { code: (v) => (brand || v.trim() ? null : fieldText('missing')), entity: (v) => (brand || v ? null : fieldText('missing')), name: (v) => (v.trim() ? null : fieldText('missing')), host: (v) => (v.trim() ? null : fieldText('missing')), mail_from: (v) => (v.trim() ? null : fieldText('missing')), reason: (v) => (v.trim() ? null : fieldText('missing')) },
  });
  useEffect(() => {
    setAbove(null);
    form.clearErrors();
    form.setValues(!brand ? { code: '', entity: '', name: '', host: '', mail_from: '', hue: 250, languages: ['en'], reason: '' } : { code: brand.code, entity: brand.entity, name: brand.name, host: brand.host, mail_from: brand.mail_from, hue: brand.hue, languages: [...brand.languages], reason: '' });
    // The form itself is the same object for as long as the drawer lives.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [brand, adding]);
  const send = form.onSubmit(async (v) => {
    try {
      await put.run({ path: { code: brand?.code ?? v.code.trim() }, body: { entity: brand?.entity ?? v.entity, name: v.name.trim(), host: v.host.trim(), mail_from: v.mail_from.trim(), hue: Number(v.hue), languages: v.languages, reason: v.reason.trim(), version: brand?.version ?? 0 } });
      say(t('saved'));
      onSaved();
      if (adding) onClose();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Drawer opened={!!brand || adding} onClose={onClose} title={<bdi>{brand?.name ?? t('office-settings:addBrand')}</bdi>} footer={may ? <Button onClick={() => send()} loading={put.busy}>{t('save')}</Button> : undefined}>
      <form onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          {!brand && <TextInput label={t('code')} description={t('office-settings:codeNote')} required dir="ltr" {...form.getInputProps('code')} />}
          {!brand && <Select label={t('rules.field.entity')} description={t('office-settings:brandEntityNote')} required data={(entities.data?.items ?? []).map((e) => ({ value: e.code, label: e.name }))} {...form.getInputProps('entity')} />}
          <TextInput label={t('brand.name')} dir="auto" readOnly={!may} {...form.getInputProps('name')} />
          <TextInput label={t('brand.host')} dir="ltr" readOnly={!may} {...form.getInputProps('host')} />
          <TextInput label={t('brand.mail')} dir="ltr" readOnly={!may} {...form.getInputProps('mail_from')} />
          <NumberInput label={t('brand.hue')} description={<><Swatch hue={Number(form.values.hue) || 0} />{t('brand.hueNote')}</>} min={0} max={359} allowDecimal={false} readOnly={!may} {...form.getInputProps('hue')} />
          <TagsInput label={t('languages')} description={t('languagesNote')} dir="ltr" readOnly={!may} {...form.getInputProps('languages')} />
          {may && <Textarea label={t('reason')} required autosize minRows={2} dir="auto" {...form.getInputProps('reason')} />}
        </Stack>
      </form>
      {brand && <Card title={t('history')}><KindHistory kind="brand" code={brand.code} /></Card>}
    </Drawer>
  );
}
