import { Button, NumberInput, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
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

export function BrandDrawer({ brand, onClose, onSaved }: { brand: Brand | undefined; onClose: () => void; onSaved: () => void }) {
  const { t } = useTranslation('office-house');
  const may = useCan('entities.edit');
  const put = useWrite('put', '/api/v1/brands/{code}');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { name: '', host: '', mail_from: '', hue: 250 as number | string, languages: [] as string[], reason: '' },
    validate: { name: (v) => (v.trim() ? null : fieldText('missing')), host: (v) => (v.trim() ? null : fieldText('missing')), mail_from: (v) => (v.trim() ? null : fieldText('missing')), reason: (v) => (v.trim() ? null : fieldText('missing')) },
  });
  useEffect(() => {
    setAbove(null);
    form.clearErrors();
    if (brand) form.setValues({ name: brand.name, host: brand.host, mail_from: brand.mail_from, hue: brand.hue, languages: [...brand.languages], reason: '' });
    // The form itself is the same object for as long as the drawer lives.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [brand]);
  const send = form.onSubmit(async (v) => {
    if (!brand) return;
    try {
      await put.run({ path: { code: brand.code }, body: { entity: brand.entity, name: v.name.trim(), host: v.host.trim(), mail_from: v.mail_from.trim(), hue: Number(v.hue), languages: v.languages, reason: v.reason.trim(), version: brand.version } });
      say(t('saved'));
      onSaved();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Drawer opened={!!brand} onClose={onClose} title={<bdi>{brand?.name}</bdi>} footer={may ? <Button onClick={() => send()} loading={put.busy}>{t('save')}</Button> : undefined}>
      <form onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
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
