import { Button } from '@mantine/core';
import { useApiQuery, type Schema } from '@qd/api';
import { country, languageName, list, plain, useTranslation } from '@qd/i18n';
import { DataTable, Page, statusText, useSearchState, When, type Column } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ListTabs } from '../../lib/ListTabs';
import { AddSetting } from './AddSetting';
import { BrandDrawer, Swatch } from './BrandDrawer';
import { DeskDrawer } from './DeskDrawer';
import { SettingDrawer } from './SettingDrawer';
import { scopeText, settingText } from './words';

type Entity = Schema<'Entity'>;
type Brand = Schema<'Brand'>;
type Desk = Schema<'Desk'>;
type Setting = Schema<'Setting'>;

/** Licences, brands, desks and single settings: everything a change of which is no deployment. */
export function SettingsPage() {
  const { t } = useTranslation('office-house');
  const [search] = useSearchState();
  return (
    <Page
      title={t('settings.title')}
      text={t('settings.text')}
      fill
      tabs={
        <ListTabs
          label={t('settings.title')}
          tabs={[
            { value: null, label: t('settings.entities') },
            { value: 'brands', label: t('settings.brands') },
            { value: 'desks', label: t('settings.desks') },
            { value: 'values', label: t('settings.values') },
          ]}
        />
      }
    >
      {!search.tab && <Entities />}
      {search.tab === 'brands' && <Brands />}
      {search.tab === 'desks' && <Desks />}
      {search.tab === 'values' && <Values />}
    </Page>
  );
}

function Entities() {
  const { t, i18n } = useTranslation(['office-house', 'office-settings']);
  const may = useCan('entities.edit');
  const go = useNavigate();
  const all = useApiQuery('/api/v1/entities', {});
  const lang = i18n.language;
  const columns = useMemo<readonly Column<Entity>[]>(
    () => [
      { id: 'name', header: t('entity.name'), width: 260, fixed: true, cell: (e) => <bdi>{e.name}</bdi> },
      { id: 'code', header: t('code'), width: 90, card: 'side', cell: (e) => <bdi dir="ltr">{e.code}</bdi> },
      { id: 'regulator', header: t('entity.regulator'), width: 180, cell: (e) => <bdi>{e.regulator}</bdi> },
      { id: 'country', header: t('entity.country'), width: 150, cell: (e) => country(lang, e.country) },
      { id: 'currencies', header: t('entity.currencies'), width: 180, cell: (e) => <bdi>{e.config.currencies.join(' · ')}</bdi> },
      { id: 'types', header: t('entity.accounts'), width: 220, cell: (e) => <bdi>{e.config.accounts.map((a) => a.name).join(' · ')}</bdi> },
      { id: 'version', header: t('version'), width: 90, align: 'number', cell: (e) => e.version },
    ],
    [t, lang],
  );
  return <DataTable id="entities" toolbar={may ? <Button size="compact-sm" onClick={() => void go({ to: '/settings/entities/new' as never })}>{t('office-settings:addEntity')}</Button> : undefined} label={t('settings.entities')} columns={columns} rows={all.data?.items} rowId={(e) => e.code} loading={all.isPending} error={all.error} onRetry={() => void all.refetch()} onOpen={(e) => void go({ to: `/settings/entities/${e.code}` as never })} empty={{ title: t('nothing') }} />;
}

function Brands() {
  const { t, i18n } = useTranslation(['office-house', 'office-settings']);
  const [search, set] = useSearchState();
  const may = useCan('entities.edit');
  const all = useApiQuery('/api/v1/brands', {});
  const lang = i18n.language;
  const columns = useMemo<readonly Column<Brand>[]>(
    () => [
      { id: 'name', header: t('brand.name'), width: 200, fixed: true, cell: (b) => <bdi>{b.name}</bdi> },
      { id: 'entity', header: t('rules.field.entity'), width: 110, card: 'side', cell: (b) => <bdi>{b.entity}</bdi> },
      { id: 'host', header: t('brand.host'), width: 220, cell: (b) => <bdi dir="ltr">{b.host}</bdi> },
      { id: 'mail', header: t('brand.mail'), width: 280, cell: (b) => <bdi dir="ltr">{b.mail_from}</bdi> },
      { id: 'hue', header: t('brand.hue'), width: 130, cell: (b) => <><Swatch hue={b.hue} />{b.hue}°</> },
      { id: 'languages', header: t('languages'), width: 280, cell: (b) => list(lang, b.languages.map((l) => languageName(lang, l))) },
    ],
    [t, lang],
  );
  const open = all.data?.items.find((b) => b.code === search.peek);
  return (
    <>
      <DataTable id="brands" toolbar={may ? <Button size="compact-sm" onClick={() => set({ peek: '+' })}>{t('office-settings:addBrand')}</Button> : undefined} label={t('settings.brands')} columns={columns} rows={all.data?.items} rowId={(b) => b.code} loading={all.isPending} error={all.error} onRetry={() => void all.refetch()} onOpen={(b) => set({ peek: b.code })} opened={search.peek} empty={{ title: t('nothing') }} />
      <BrandDrawer brand={open} adding={may && search.peek === '+'} onClose={() => set({ peek: null })} onSaved={() => void all.refetch()} />
    </>
  );
}

function Desks() {
  const { t, i18n } = useTranslation('office-house');
  const [search, set] = useSearchState();
  const may = useCan('entities.edit');
  const all = useApiQuery('/api/v1/desks', {});
  const lang = i18n.language;
  const columns = useMemo<readonly Column<Desk>[]>(
    () => [
      { id: 'name', header: t('desk.name'), width: 220, fixed: true, cell: (d) => <bdi>{d.name}</bdi> },
      { id: 'kind', header: t('desk.kind'), width: 150, card: 'side', cell: (d) => statusText('desk_kind', d.kind) },
      { id: 'entity', header: t('rules.field.entity'), width: 160, cell: (d) => d.entity ?? t('everywhere') },
      { id: 'languages', header: t('languages'), width: 280, cell: (d) => list(lang, d.languages.map((l) => languageName(lang, l))) },
      { id: 'code', header: t('code'), width: 130, cell: (d) => <bdi dir="ltr">{d.code}</bdi> },
    ],
    [t, lang],
  );
  const open = all.data?.items.find((d) => d.code === search.peek);
  return (
    <>
      <DataTable id="desks" label={t('settings.desks')} columns={columns} rows={all.data?.items} rowId={(d) => d.code} loading={all.isPending} error={all.error} onRetry={() => void all.refetch()} onOpen={(d) => set({ peek: d.code })} opened={search.peek} empty={{ title: t('nothing') }} toolbar={may ? <Button size="compact-sm" onClick={() => set({ peek: '+' })}>{t('desk.add')}</Button> : undefined} />
      <DeskDrawer desk={open} adding={search.peek === '+'} onClose={() => set({ peek: null })} onSaved={() => void all.refetch()} />
    </>
  );
}

const idOf = (s: Setting) => `${s.scope}/${s.key}`;
// Written by the program for itself; nobody sets them.
const own = /^demo\./;

function Values() {
  const { t } = useTranslation(['office-house', 'office-settings']);
  const [search, set] = useSearchState();
  const may = useCan('settings.edit');
  const all = useApiQuery('/api/v1/settings', {});
  const known = useApiQuery('/api/v1/settings/known', {});
  const rows = useMemo(() => {
    if (!all.data || !known.data) return undefined;
    const there = all.data.items.filter((s) => !own.test(s.key));
    // What nobody has set yet counts with its built-in value: it is shown, or nobody would know of it.
    const built = known.data.items.filter((k) => k.scopes.includes('global') && !there.some((s) => s.key === k.key && s.scope === 'global')).map((k) => unset('global', k));
    return [...there, ...built];
  }, [all.data, known.data]);
  const columns = useMemo<readonly Column<Setting>[]>(
    () => [
      { id: 'name', header: t('setting.name'), width: 260, fixed: true, cell: (s) => settingText(s.key) },
      { id: 'scope', header: t('setting.scope'), width: 180, card: 'side', cell: (s) => <bdi>{scopeText(s.scope)}</bdi> },
      { id: 'value', header: t('setting.value'), width: 420, cell: (s) => <bdi>{s.value === null ? '–' : short(s.value)}</bdi> },
      { id: 'version', header: t('version'), width: 110, align: 'number', cell: (s) => (s.version === 0 ? t('office-settings:builtIn') : s.version) },
      { id: 'at', header: t('changed'), width: 160, cell: (s) => (s.version === 0 ? '–' : <When us={s.updated_at_us} />) },
      { id: 'key', header: t('code'), width: 180, hidden: true, cell: (s) => <bdi dir="ltr" className="qd-mono">{s.key}</bdi> },
    ],
    [t],
  );
  const [scope, key] = (search.peek ?? '').split('/');
  const standard = known.data?.items.find((k) => k.key === key);
  const open = rows?.find((s) => idOf(s) === search.peek) ?? (rows && scope && standard ? unset(scope, standard) : undefined);
  return (
    <>
      <DataTable id="settings" label={t('settings.values')} columns={columns} rows={rows} rowId={idOf} loading={all.isPending || known.isPending} error={all.error ?? known.error} onRetry={() => { void all.refetch(); void known.refetch(); }} onOpen={(s) => set({ peek: idOf(s) })} opened={search.peek} empty={{ title: t('nothing') }} toolbar={may && known.data ? <Button size="compact-sm" onClick={() => set({ peek: '+' })}>{t('office-settings:addSetting')}</Button> : undefined} />
      <SettingDrawer setting={open} standard={standard?.standard ?? null} wider={open && open.scope !== 'global' ? rows?.find((s) => s.key === open.key && s.scope === 'global' && s.version > 0)?.value : undefined} onClose={() => set({ peek: null })} onSaved={() => void all.refetch()} />
      <AddSetting opened={search.peek === '+'} known={known.data?.items ?? []} there={rows ?? []} onClose={() => set({ peek: null })} onChosen={(id) => set({ peek: id })} />
    </>
  );
}

const unset = (scope: string, k: Schema<'Known'>): Setting => ({ scope, key: k.key, value: k.standard, version: 0, updated_at_us: 0 }) as Setting;

function short(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(String).join(' · ');
  return Object.entries(value as Record<string, unknown>)
    .filter(([, v]) => typeof v !== 'string' || !v.startsWith('<svg'))
    .map(([key, v]) => `${plain(key)}: ${typeof v === 'boolean' ? (v ? '✓' : '✗') : Array.isArray(v) ? v.map(String).join(', ') : typeof v === 'object' && v !== null ? Object.entries(v).map(([k, x]) => `${k} ${String(x)}`).join(', ') : String(v)}`)
    .join(' · ');
}
