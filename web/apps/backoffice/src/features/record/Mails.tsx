import { Anchor, Button, Skeleton, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages } from '@qd/api';
import { languageName, languageOf, plain, useTranslation } from '@qd/i18n';
import { Card, CopyId, Drawer, ErrorState, KeyValue, Notice, StatusChip, useSearchState, Value, When } from '@qd/ui';
import { MailBody } from '@qd/ui/show/MailBody';

/** What was sent to the client; each opens as the client got it. */
export function Mails({ id }: { id: string }) {
  const { t } = useTranslation('office-record');
  const [search, set] = useSearchState();
  const mails = useCursorPages('/api/v1/clients/{id}/mails', { path: { id }, query: { limit: 20 } });
  return (
    <Card title={t('mails.title')}>
      <Stack gap="xs">
        {mails.error && mails.rows.length === 0 ? (
          <ErrorState error={mails.error} onRetry={() => void mails.refetch()} />
        ) : mails.rows.length === 0 ? (
          <p className="qd-muted">{t('mails.none')}</p>
        ) : (
          <KeyValue
            items={mails.rows.map((m) => ({
              label: <When us={m.created_at_us} />,
              value: <><Anchor component="button" type="button" inherit ta="start" onClick={() => set({ mail: m.id })}><span dir="auto">{m.subject ?? plain(m.template)}</span></Anchor> <StatusChip kind="mail" value={m.state} /></>,
            }))}
          />
        )}
        {mails.hasMore && <div><Button size="compact-sm" variant="default" loading={mails.loadingMore} onClick={() => mails.more()}>{t('story.more')}</Button></div>}
      </Stack>
      <Drawer opened={!!search.mail} onClose={() => set({ mail: null })} size="lg" title={mails.rows.find((m) => m.id === search.mail)?.subject ?? t('mails.one')}>
        {search.mail && <MailFile key={search.mail} id={search.mail} />}
      </Drawer>
    </Card>
  );
}

function MailFile({ id }: { id: string }) {
  const { t, i18n } = useTranslation('office-record');
  const mail = useApiQuery('/api/v1/mails/{id}', { path: { id } }, { live: 'off' });
  const m = mail.data;
  if (mail.error && !m) return <ErrorState error={mail.error} onRetry={() => void mail.refetch()} />;
  if (!m) return <Skeleton height={260} />;
  return (
    <Stack>
      <KeyValue
        items={[
          { label: t('mails.to'), value: <><bdi>{m.to.name}</bdi> · <bdi dir="ltr"><Value mask="contact">{m.to.address}</Value></bdi></> },
          { label: t('mails.sent'), value: m.sent_at_us ? <When us={m.sent_at_us} as="full" /> : <StatusChip kind="mail" value={m.state} /> },
          { label: t('mails.language'), value: languageName(i18n.language, m.language) },
          { label: t('mails.error'), value: m.error ? <bdi dir="ltr">{m.error}</bdi> : null, optional: true },
          { label: t('mails.id'), value: <CopyId id={m.id} /> },
        ]}
      />
      {m.html || m.text ? <MailBody html={m.html} text={m.text} lang={m.language} dir={languageOf(m.language).dir} /> : <Notice tone="info">{t('mails.covered')}</Notice>}
    </Stack>
  );
}
