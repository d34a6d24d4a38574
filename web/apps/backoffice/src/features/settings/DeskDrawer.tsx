import { Button, Select, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, Drawer, fieldText, focusErrors, Notice, say, showProblem, statusText, useForm } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useState } from 'react';
import { KindHistory } from './KindHistory';

type Desk = Schema<'Desk'>;
const kinds: readonly Desk['kind'][] = ['sales', 'retention', 'partner', 'support'];

export function DeskDrawer({ desk, adding, onClose, onSaved }: { desk: Desk | undefined; adding: boolean; onClose: () => void; onSaved: () => void }) {
  const { t } = useTranslation('office-house');
  const may = useCan('entities.edit');
  const put = useWrite('put', '/api/v1/desks/{code}');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({
    mode: 'controlled',
    initialValues: { code: '', name: '', kind: 'sales' as string, entity: '', languages: [] as string[], reason: '' },
    validate: { code: (v) => (desk || v.trim() ? null : fieldText('missing')), name: (v) => (v.trim() ? null : fieldText('missing')), reason: (v) => (v.trim() ? null : fieldText('missing')) },
  });
  useEffect(() => {
    setAbove(null);
    form.clearErrors();
    form.setValues(desk ? { code: desk.code, name: desk.name, kind: desk.kind, entity: desk.entity ?? '', languages: [...desk.languages], reason: '' } : { code: '', name: '', kind: 'sales', entity: '', languages: [], reason: '' });
    // The form itself is the same object for as long as the drawer lives.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [desk, adding]);
  const send = form.onSubmit(async (v) => {
    try {
      await put.run({ path: { code: desk?.code ?? v.code.trim() }, body: { name: v.name.trim(), kind: v.kind as Desk['kind'], entity: v.entity.trim() || null, languages: v.languages, reason: v.reason.trim(), version: desk?.version ?? 0 } });
      say(t('saved'));
      onSaved();
      if (adding) onClose();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <Drawer opened={!!desk || adding} onClose={onClose} title={<bdi>{desk?.name ?? t('desk.add')}</bdi>} footer={may ? <Button onClick={() => send()} loading={put.busy}>{t('save')}</Button> : undefined}>
      <form onSubmit={send} noValidate>
        <Stack>
          {above && <Notice tone="bad">{above}</Notice>}
          {!desk && <TextInput label={t('code')} required dir="ltr" {...form.getInputProps('code')} />}
          <TextInput label={t('desk.name')} required dir="auto" readOnly={!may} {...form.getInputProps('name')} />
          <Select label={t('desk.kind')} allowDeselect={false} readOnly={!may} data={kinds.map((value) => ({ value, label: statusText('desk_kind', value) }))} {...form.getInputProps('kind')} />
          <TextInput label={t('rules.field.entity')} description={t('rules.entityNote')} dir="ltr" readOnly={!may} {...form.getInputProps('entity')} />
          <TagsInput label={t('languages')} description={t('languagesNote')} dir="ltr" readOnly={!may} {...form.getInputProps('languages')} />
          {may && <Textarea label={t('reason')} required autosize minRows={2} dir="auto" {...form.getInputProps('reason')} />}
        </Stack>
      </form>
      {desk && <Card title={t('history')}><KindHistory kind="desk" code={desk.code} /></Card>}
    </Drawer>
  );
}
