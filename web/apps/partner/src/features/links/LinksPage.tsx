import { Button, Stack, TextInput } from '@mantine/core';
import { useApiQuery, useWrite, type Row } from '@qd/api';
import { number, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, CopyId, Dialog, EmptyState, ErrorState, Figure, focusErrors, Notice, Page, say, showProblem, useForm } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { QrCode } from '@qd/ui/security';
import { useState } from 'react';

type PartnerLink = Row<'/api/v1/me/partner/links'>;

/** My links: what to send people to, and how many came. */
export function LinksPage() {
  const { t, i18n } = useTranslation(['partner', 'common']);
  const list = useApiQuery('/api/v1/me/partner/links', {});
  const add = useWrite('post', '/api/v1/me/partner/links');
  const [adding, setAdding] = useState(false);
  const [qr, setQr] = useState<PartnerLink | null>(null);
  const [above, setAbove] = useState<string | null>(null);
  const form = useForm({ mode: 'controlled', initialValues: { code: '', campaign: '', landing: '/register' } });
  const address = (code: string) => `${location.origin}/c/${code}`;
  const send = form.onSubmit(async (v) => {
    try {
      await add.run({ body: { code: v.code.trim() || null, campaign: v.campaign.trim() || null, landing: v.landing.trim() || '/register' } });
      form.reset();
      setAbove(null);
      setAdding(false);
      say(t('link.added'));
      void list.refetch();
    } catch (error) {
      setAbove(showProblem(form, error));
    }
  }, focusErrors(form));
  if (list.error && !list.data) return <ErrorState error={list.error} onRetry={() => void list.refetch()} page />;
  if (!list.data) return <PageSkeleton />;
  const n = (value: number) => number(i18n.language, value);
  return (
    <Page title={t('nav.links')} text={t('link.text')} actions={<Button onClick={() => setAdding(true)}>{t('link.add')}</Button>}>
      {list.data.items.length === 0 ? (
        <EmptyState kind="first" title={t('link.none')} text={t('link.noneText')} action={<Button onClick={() => setAdding(true)}>{t('link.add')}</Button>} />
      ) : (
        <Cards min="20rem">
          {list.data.items.map((l) => (
            <Card key={l.id} title={<bdi dir="ltr">{l.code}</bdi>} actions={<Chip tone={l.active ? 'good' : 'idle'} label={l.active ? t('link.active') : t('link.off')} />}>
              <Stack gap="sm">
                <CopyId id={address(l.code)} label={address(l.code)} full />
                {l.campaign && <p className="qd-muted"><bdi>{l.campaign}</bdi></p>}
                <Cards min="6rem">
                  <Figure label={t('link.clicks')} value={n(l.clicks)} />
                  <Figure label={t('link.clients')} value={n(l.clients)} note={l.clicks > 0 ? t('link.rate', { percent: n(Math.round((l.clients * 100) / l.clicks)) }) : undefined} />
                </Cards>
                <Button variant="default" size="compact-sm" onClick={() => setQr(l)}>{t('link.qr')}</Button>
              </Stack>
            </Card>
          ))}
        </Cards>
      )}
      <Dialog opened={qr !== null} onClose={() => setQr(null)} title={t('link.qrTitle', { code: qr?.code ?? '' })} size="sm">
        {qr && (
          <Stack align="center">
            <QrCode text={`${address(qr.code)}`} label={t('link.qrTitle', { code: qr.code })} />
            <CopyId id={address(qr.code)} label={address(qr.code)} full />
          </Stack>
        )}
      </Dialog>
      <Dialog
        opened={adding}
        onClose={() => setAdding(false)}
        title={t('link.add')}
        locked={add.busy}
        footer={
          <>
            <Button variant="default" onClick={() => setAdding(false)}>{t('common:cancel')}</Button>
            <Button type="submit" form="link-form" loading={add.busy}>{t('link.add')}</Button>
          </>
        }
      >
        <form id="link-form" onSubmit={send} noValidate>
          <Stack>
            {above && <Notice tone="bad">{above}</Notice>}
            <TextInput label={t('link.code')} description={t('link.codeHint')} autoComplete="off" dir="ltr" {...form.getInputProps('code')} />
            <TextInput label={t('link.campaign')} description={t('link.campaignHint')} {...form.getInputProps('campaign')} />
            <TextInput label={t('link.landing')} description={t('link.landingHint')} dir="ltr" {...form.getInputProps('landing')} />
          </Stack>
        </form>
      </Dialog>
    </Page>
  );
}
