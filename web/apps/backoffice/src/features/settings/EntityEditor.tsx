import { ActionIcon, Button, Checkbox, NumberInput, Stack, TagsInput, TextInput } from '@mantine/core';
import { useWrite, type Schema } from '@qd/api';
import { country, useTranslation } from '@qd/i18n';
import { Card, Cards, Diff, MoneyInput, Page, ReasonDialog, say } from '@qd/ui';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { Entity } from './EntityPage';
import classes from './settings.module.css';

type Config = Schema<'EntityConfig'>;
type DocumentRule = Schema<'DocumentRule'>;

/** The parts of the rule book that change often; the rest of it goes back as it came. */
export function EntityEditor({ entity: e, onClose, onSaved }: { entity: Entity; onClose: () => void; onSaved: (code: string) => void }) {
  const { t, i18n } = useTranslation(['office-house', 'common', 'office-settings']);
  const adding = e.version === 0;
  const [code, setCode] = useState(e.code);
  const [where, setWhere] = useState(e.country);
  const put = useWrite('put', '/api/v1/entities/{code}');
  const [name, setName] = useState(e.name);
  const [regulator, setRegulator] = useState(e.regulator);
  const [c, setC] = useState<Config>(e.config);
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const part = <K extends keyof Config>(key: K, change: Partial<Config[K]>) => setC((now) => ({ ...now, [key]: { ...(now[key] as object), ...change } as Config[K] }));
  const whole = (value: number | string) => Number(value) || 0;
  const docs = c.documents.default;
  const setDocs = (next: DocumentRule[]) => part('documents', { default: next });
  const putDoc = (at: number, change: Partial<DocumentRule>) => setDocs(docs.map((d, n) => (n === at ? { ...d, ...change } : d)));
  const upper = (v: string[]) => v.map((x) => x.trim().toUpperCase()).filter(Boolean);
  const money = (label: string, value: number, onChange: (minor: number) => void) => <MoneyInput label={label} currency={e.base_currency} value={value} onChange={(minor) => minor !== null && onChange(minor)} />;
  return (
    <Page
      title={adding ? t('office-settings:addEntity') : t('rules.edit', { name: e.name })}
      crumbs={[{ label: t('settings.title'), to: '/settings' }]}
      actions={
        <>
          <Button disabled={adding && (code.trim() === '' || name.trim() === '')} onClick={() => { setFailed(null); setAsking(true); }}>{t('entity.review')}</Button>
          <Button variant="default" onClick={onClose}>{t('common:cancel')}</Button>
        </>
      }
    >
      <Cards min="28rem">
        {adding && (
          <Card title={t('office-settings:newEntity')}>
            <div className={classes.grid}>
              <TextInput label={t('code')} description={t('office-settings:codeNote')} required dir="ltr" value={code} onChange={(x) => setCode(x.currentTarget.value.toLowerCase())} />
              <TextInput label={t('entity.name')} required dir="auto" value={name} onChange={(x) => setName(x.currentTarget.value)} />
              <TextInput label={t('entity.regulator')} dir="auto" value={regulator} onChange={(x) => setRegulator(x.currentTarget.value)} />
              <TextInput label={t('entity.country')} description={where.length === 2 ? country(i18n.language, where) : t('twoLetters')} dir="ltr" maxLength={2} value={where} onChange={(x) => setWhere(x.currentTarget.value.toUpperCase())} />
            </div>
          </Card>
        )}
        <Card title={t('entity.withdrawals')}>
          <Stack>
            <div className={classes.grid}>
              {money(t('entity.min'), c.withdrawals.min_minor, (min_minor) => part('withdrawals', { min_minor }))}
              {money(t('entity.autoMax'), c.withdrawals.auto_max_minor, (auto_max_minor) => part('withdrawals', { auto_max_minor }))}
              {money(t('entity.twoPeople'), c.withdrawals.two_people_over_minor, (two_people_over_minor) => part('withdrawals', { two_people_over_minor }))}
              <NumberInput label={t('entity.reviewHoursN')} min={1} allowDecimal={false} value={c.withdrawals.review_hours} onChange={(v) => part('withdrawals', { review_hours: whole(v) })} />
            </div>
            <Checkbox label={t('entity.toSource')} checked={c.withdrawals.return_to_source} onChange={(x) => part('withdrawals', { return_to_source: x.currentTarget.checked })} />
          </Stack>
        </Card>
        <Card title={t('entity.deposits')}>
          <div className={classes.grid}>
            {money(t('entity.min'), c.deposits.min_minor, (min_minor) => part('deposits', { min_minor }))}
            {money(t('entity.max'), c.deposits.max_minor, (max_minor) => part('deposits', { max_minor }))}
            {money(t('entity.beforeVerified'), c.deposits.before_verified_minor, (before_verified_minor) => part('deposits', { before_verified_minor }))}
            <NumberInput label={t('entity.beforeDays')} min={0} allowDecimal={false} value={c.deposits.before_verified_days} onChange={(v) => part('deposits', { before_verified_days: whole(v) })} />
            <TagsInput label={t('entity.currencies')} dir="ltr" value={c.currencies} onChange={(v) => setC({ ...c, currencies: upper(v) })} />
          </div>
        </Card>
        <Card title={t('entity.documents')} actions={<Button size="compact-sm" variant="default" onClick={() => setDocs([...docs, { code: 'selfie', kinds: ['selfie'], title_key: 'document.selfie' } as DocumentRule])}>{t('entity.addDocument')}</Button>}>
          {docs.map((d, at) => (
            <div key={at} className={classes.row}>
              <TextInput label={t('entity.docCode')} dir="ltr" value={d.code} onChange={(x) => putDoc(at, { code: x.currentTarget.value, title_key: `document.${x.currentTarget.value}` })} />
              <TagsInput label={t('entity.docKinds')} dir="ltr" value={d.kinds} onChange={(kinds) => putDoc(at, { kinds })} />
              <NumberInput label={t('entity.docAge')} min={0} allowDecimal={false} value={d.max_age_days ?? ''} onChange={(v) => putDoc(at, { max_age_days: v === '' ? null : whole(v) })} />
              {money(t('entity.docOver'), d.over_deposits_minor ?? 0, (minor) => putDoc(at, { over_deposits_minor: minor > 0 ? minor : null }))}
              <Checkbox label={t('entity.docExpires')} checked={d.expires ?? false} onChange={(x) => putDoc(at, { expires: x.currentTarget.checked })} />
              <ActionIcon variant="subtle" color="gray" aria-label={t('entity.dropDocument', { code: d.code })} onClick={() => setDocs(docs.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>
            </div>
          ))}
          <div className={classes.grid}>
            <NumberInput label={t('entity.daysLeftN')} min={0} allowDecimal={false} value={c.documents.min_days_left} onChange={(v) => part('documents', { min_days_left: whole(v) })} />
            <NumberInput label={t('entity.refreshN')} min={1} allowDecimal={false} value={c.documents.refresh_days} onChange={(v) => part('documents', { refresh_days: whole(v) })} />
          </div>
        </Card>
        <Card title={t('entity.countries')}>
          <Stack>
            <TagsInput label={t('entity.notServed')} description={t('twoLetters')} dir="ltr" value={c.countries.not_served ?? []} onChange={(v) => part('countries', { not_served: upper(v) })} />
            <TagsInput label={t('entity.enhanced')} dir="ltr" value={c.countries.enhanced ?? []} onChange={(v) => part('countries', { enhanced: upper(v) })} />
            <TagsInput label={t('entity.highRisk')} dir="ltr" value={c.countries.high_risk ?? []} onChange={(v) => part('countries', { high_risk: upper(v) })} />
          </Stack>
        </Card>
        <Card title={t('entity.other')}>
          <div className={classes.grid}>
            {!adding && <TextInput label={t('entity.name')} dir="auto" value={name} onChange={(x) => setName(x.currentTarget.value)} />}
            {!adding && <TextInput label={t('entity.regulator')} dir="auto" value={regulator} onChange={(x) => setRegulator(x.currentTarget.value)} />}
            <NumberInput label={t('entity.retail')} min={1} allowDecimal={false} value={c.leverage.retail_max} onChange={(v) => part('leverage', { retail_max: whole(v) })} />
            <NumberInput label={t('entity.professional')} min={1} allowDecimal={false} value={c.leverage.professional_max} onChange={(v) => part('leverage', { professional_max: whole(v) })} />
            <NumberInput label={t('entity.minAgeN')} min={0} allowDecimal={false} value={c.profile.min_age_years} onChange={(v) => part('profile', { min_age_years: whole(v) })} />
            <TagsInput label={t('languages')} description={t('languagesNote')} dir="ltr" value={c.languages} onChange={(languages) => setC({ ...c, languages })} />
          </div>
        </Card>
      </Cards>
      <ReasonDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('entity.review')}
        text={t('entity.reviewText')}
        confirm={t('save')}
        busy={put.busy}
        error={failed}
        onConfirm={({ note }) => {
          put.run({ path: { code: code.trim() }, body: { name: name.trim(), regulator: regulator.trim(), country: where, base_currency: e.base_currency, config: c, reason: note, version: e.version } }).then(
            () => { say(t('saved')); onSaved(code.trim()); },
            (x: unknown) => setFailed(x),
          );
        }}
      >
        <Diff before={{ name: e.name, regulator: e.regulator, ...(e.config as unknown as Record<string, unknown>) }} after={{ name, regulator, ...(c as unknown as Record<string, unknown>) }} />
      </ReasonDialog>
    </Page>
  );
}
