import { Button, Stack, Switch, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Schema } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, CopyId, DataTable, errorText, fieldText, focusErrors, FormDialog, Notice, say, showProblem, useForm, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useMemo, useState } from 'react';

type PartnerLink = Schema<'PartnerLink'>;

/** Links with the way from a click to a client; a withdrawn link stays in the list with its history. */
export function Links({ id }: { id: string }) {
  const { t, i18n } = useTranslation('office-partners');
  const may = useCan('partners.manage');
  const links = useApiQuery('/api/v1/partners/{id}/links', { path: { id } });
  const switchIt = useWrite('post', '/api/v1/partner-links/{id}/active');
  const [adding, setAdding] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const lang = i18n.language;
  const columns = useMemo<readonly Column<PartnerLink>[]>(
    () => [
      { id: 'code', header: t('col.code'), width: 190, fixed: true, cell: (l) => <CopyId id={`${location.origin}/c/${l.code}`} label={l.code} /> },
      { id: 'campaign', header: t('col.campaign'), width: 150, cell: (l) => <bdi>{l.campaign ?? '–'}</bdi> },
      { id: 'landing', header: t('col.landing'), width: 200, cell: (l) => <bdi dir="ltr">{l.landing}</bdi> },
      { id: 'clicks', header: t('col.clicks'), width: 110, align: 'number', cell: (l) => number(lang, l.clicks) },
      { id: 'clients', header: t('tab.clients'), width: 110, align: 'number', cell: (l) => number(lang, l.clients) },
      { id: 'rate', header: t('col.rate'), width: 130, align: 'number', cell: (l) => (l.clicks > 0 ? number(lang, l.clients / l.clicks, { style: 'percent', maximumFractionDigits: 1 }) : '–') },
      { id: 'since', header: t('col.made'), width: 150, cell: (l) => <When us={l.created_at_us} /> },
      {
        id: 'active', header: t('col.active'), width: 120, card: 'side',
        cell: (l) => (
          <Switch
            checked={l.active}
            disabled={!may || switchIt.busy}
            aria-label={t('link.active', { code: l.code })}
            onClick={(e) => e.stopPropagation()}
            onChange={(e) => {
              const active = e.currentTarget.checked;
              switchIt.run({ path: { id: l.id }, body: { active } }).then(
                () => { setFailed(null); say(active ? t('done.linkOn') : t('done.linkOff')); void links.refetch(); },
                (error: unknown) => setFailed(error),
              );
            }}
          />
        ),
      },
    ],
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [t, lang, may, switchIt.busy],
  );
  return (
    <Stack>
      {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
      <Card title={t('tab.links')} flush actions={may ? <Button size="compact-sm" onClick={() => setAdding(true)}>{t('link.add')}</Button> : undefined}>
        <DataTable id="partner-links" inline label={t('tab.links')} columns={columns} rows={links.data?.items} rowId={(l) => l.id} loading={links.isPending} error={links.error} onRetry={() => void links.refetch()} empty={{ title: t('link.none') }} rowTone={(l) => (l.active ? undefined : 'muted')} />
      </Card>
      <AddLink id={id} opened={adding} onClose={() => setAdding(false)} onDone={() => void links.refetch()} />
    </Stack>
  );
}

function AddLink({ id, opened, onClose, onDone }: { id: string; opened: boolean; onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation('office-partners');
  const add = useWrite('post', '/api/v1/partners/{id}/links');
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({ mode: 'controlled', initialValues: { landing: '/start', code: '', campaign: '' }, validate: { landing: (v) => (v.trim() ? null : fieldText('missing')) } });
  const send = form.onSubmit(async (v) => {
    try {
      await add.run({ path: { id }, body: { landing: v.landing.trim(), code: v.code.trim() || null, campaign: v.campaign.trim() || null } });
      say(t('done.linkAdded'));
      form.reset();
      setAbove(null);
      onClose();
      onDone();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  return (
    <FormDialog opened={opened} onClose={onClose} title={t('link.add')} save={t('save')} busy={add.busy} above={above} onSubmit={send}>
      <TextInput label={t('col.landing')} description={t('link.landingNote')} required dir="ltr" {...form.getInputProps('landing')} />
      <TextInput label={t('col.code')} description={t('link.codeNote')} dir="ltr" {...form.getInputProps('code')} />
      <TextInput label={t('col.campaign')} dir="auto" {...form.getInputProps('campaign')} />
    </FormDialog>
  );
}
