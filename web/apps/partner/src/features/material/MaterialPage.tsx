import { Button, Stack } from '@mantine/core';
import { useApiQuery, useCursorPages, type Row } from '@qd/api';
import { languageName, number, serverText, useTranslation } from '@qd/i18n';
import { Card, Cards, Chip, EmptyState, ErrorState, FilterBar, Page, useFilters, useSearchState, type Filter } from '@qd/ui';
import { PageSkeleton } from '@qd/ui/app';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import classes from './material.module.css';
import { Pack } from './Pack';

export type Material = Row<'/api/v1/me/partner/material'>;

/** What the house offers to show: banners, pages, texts, each with my own link in it. */
export function MaterialPage() {
  const { t, i18n } = useTranslation(['partner-tools', 'partner']);
  const [search, set] = useSearchState();
  const links = useApiQuery('/api/v1/me/partner/links', {});
  const all = useCursorPages('/api/v1/me/partner/material', { query: { limit: 100 } });
  const rows = all.rows as readonly Material[];
  const languages = useMemo(() => [...new Set(rows.map((m) => m.language))].sort(), [rows]);
  const filters = useMemo<readonly Filter[]>(
    () => [
      { kind: 'choice', name: 'language', label: t('partner-tools:mat.language'), pinned: true, options: languages.map((value) => ({ value, label: languageName(i18n.language, value) })) },
      { kind: 'choice', name: 'kind', label: t('partner-tools:mat.kind'), pinned: true, options: ['banner', 'landing', 'text'].map((value) => ({ value, label: serverText('partner-tools', `mat.kinds.${value}`) })) },
    ],
    [t, languages, i18n.language],
  );
  const { values, active, reset } = useFilters(filters);
  const shown = rows.filter((m) => (!values.language || m.language === values.language) && (!values.kind || m.kind === values.kind));
  if (all.error && rows.length === 0) return <ErrorState error={all.error} onRetry={() => void all.refetch()} page />;
  if (all.isPending) return <PageSkeleton />;
  const noLink = links.data && !links.data.items.some((l) => l.active);
  return (
    <Page title={t('partner:nav.material')} text={t('partner-tools:mat.text')}>
      {rows.length === 0 ? (
        <EmptyState kind="first" title={t('partner-tools:mat.none')} text={t('partner-tools:mat.noneText')} />
      ) : (
        <Stack>
          <FilterBar filters={filters} />
          {noLink && <EmptyState kind="first" title={t('partner-tools:mat.noLink')} text={t('partner-tools:mat.noLinkText')} action={<Button component={Link} to="/links">{t('partner:nav.links')}</Button>} />}
          {shown.length === 0 && <EmptyState kind={active ? 'filtered' : 'first'} onResetFilters={reset} />}
          <Cards min="17rem">
            {shown.map((m) => (
              <Card key={m.id} title={<bdi>{m.name}</bdi>} actions={<Chip tone="info" label={serverText('partner-tools', `mat.kinds.${m.kind}`)} />}>
                <Stack gap="sm">
                  {m.kind === 'banner' && <img className={classes.picture} src={`/m/${m.id}`} alt={m.name} width={m.width ?? undefined} height={m.height ?? undefined} loading="lazy" />}
                  {m.body && <p className={classes.body} dir="auto" lang={m.language}>{m.body}</p>}
                  {m.kind === 'landing' && <p className={classes.body}><bdi dir="ltr">{m.landing}</bdi></p>}
                  <p className="qd-muted">
                    {languageName(i18n.language, m.language)}
                    {m.width && m.height ? <> · <bdi dir="ltr">{number(i18n.language, m.width)} × {number(i18n.language, m.height)}</bdi></> : null}
                  </p>
                  <Button variant="default" onClick={() => set({ use: m.id })}>{t('partner-tools:mat.use')}</Button>
                </Stack>
              </Card>
            ))}
          </Cards>
          {all.hasMore && <Button variant="default" loading={all.loadingMore} onClick={() => all.more()}>{t('partner-tools:mat.more')}</Button>}
        </Stack>
      )}
      <Pack id={search.use ?? null} name={rows.find((m) => m.id === search.use)?.name ?? ''} codes={(links.data?.items ?? []).filter((l) => l.active).map((l) => l.code)} onClose={() => set({ use: null })} />
    </Page>
  );
}
