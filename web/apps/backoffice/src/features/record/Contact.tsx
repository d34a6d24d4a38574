import { Button, Skeleton } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { country, languageName, useTranslation } from '@qd/i18n';
import { Card, Cards, ErrorState, KeyValue, StatusChip, Value, When } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useState } from 'react';
import { EditContact } from './EditContact';
import { Mails } from './Mails';
import type { ClientRecord } from './Overview';
import { ProfileFacts } from './ProfileFacts';

/** Who it is and how to reach them; sign-ins and mails beside it. */
export function Contact({ id, record: r, onChanged }: { id: string; record: ClientRecord; onChanged: () => void }) {
  const { t, i18n } = useTranslation('office-record');
  const lang = i18n.language;
  const mayEdit = useCan('clients.edit');
  const [editing, setEditing] = useState(false);
  const mayMail = useCan('mail.view');
  const profile = useApiQuery('/api/v1/clients/{id}/profile', { path: { id } });
  const logins = useApiQuery('/api/v1/clients/{id}/logins', { path: { id } });
  const c = r.client;
  return (
    <Cards min="22rem">
      <Card title={t('contact.title')} actions={mayEdit && <Button size="compact-sm" variant="default" onClick={() => setEditing(true)}>{t('edit.open')}</Button>}>
        <KeyValue
          items={[
            { label: t('contact.name'), value: <bdi>{c.name}</bdi> },
            { label: t('contact.email'), value: <bdi dir="ltr"><Value mask="contact">{c.email}</Value></bdi> },
            { label: t('contact.verified'), value: c.email_verified_at_us ? <When us={c.email_verified_at_us} /> : t('contact.unverified') },
            { label: t('contact.phone'), value: <bdi dir="ltr"><Value mask="contact">{c.phone}</Value></bdi> },
            { label: t('contact.born'), value: c.birth_date ? (/^\d{4}/.test(c.birth_date) ? <When us={Date.parse(c.birth_date) * 1000} as="date" /> : <Value>{c.birth_date}</Value>) : null, optional: true },
            { label: t('contact.country'), value: country(lang, c.country) },
            { label: t('contact.nationality'), value: c.nationality ? country(lang, c.nationality) : null, optional: true },
            { label: t('contact.language'), value: languageName(lang, c.language) },
            { label: t('edit.tags'), value: c.tags.length > 0 ? <bdi>{c.tags.join(' · ')}</bdi> : null, optional: true },
            { label: t('contact.brand'), value: c.brand },
            { label: t('contact.changed'), value: c.contact_changed_at_us ? <When us={c.contact_changed_at_us} /> : null, optional: true },
          ]}
        />
      </Card>
      <Card title={t('profile.title')}>
        {profile.error && !profile.data ? (
          <ErrorState error={profile.error} onRetry={() => void profile.refetch()} />
        ) : profile.data ? (
          <ProfileFacts profile={profile.data} />
        ) : (
          <Skeleton height={120} />
        )}
      </Card>
      <Card title={t('logins.title')}>
        {(logins.data?.items ?? []).length === 0 ? (
          <p className="qd-muted">{t('logins.none')}</p>
        ) : (
          (logins.data?.items ?? []).map((l) => (
            <KeyValue
              key={l.id}
              items={[
                { label: t('contact.email'), value: <bdi dir="ltr"><Value mask="contact">{l.email}</Value></bdi> },
                { label: t('logins.state'), value: <StatusChip kind="identity" value={l.state} /> },
                { label: t('logins.second'), value: l.second_factor ? t('yes') : t('no') },
                { label: t('logins.last'), value: <When us={l.last_sign_in_at_us} /> },
              ]}
            />
          ))
        )}
      </Card>
      {mayMail && <Mails id={id} />}
      {editing && <EditContact c={c} onClose={() => setEditing(false)} onDone={() => { setEditing(false); onChanged(); }} />}
    </Cards>
  );
}
