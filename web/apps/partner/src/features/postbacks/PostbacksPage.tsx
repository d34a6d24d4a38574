import { Button, Stack } from '@mantine/core';
import { useApiQuery, type Row } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { Card, Chip, DataTable, Disabled, Page, When, type Column } from '@qd/ui';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { Door } from './Door';
import { PostbackForm } from './PostbackForm';

export type Postback = Row<'/api/v1/me/partner/postbacks'>;
const MOST = 10;
const hostOf = (url: string): string => url.split('/')[2] ?? url;

/** Where my tracker is told, and the door for my own server. */
export function PostbacksPage() {
  const { t } = useTranslation(['partner-tools', 'partner']);
  const go = useNavigate();
  const list = useApiQuery('/api/v1/me/partner/postbacks', {});
  const [adding, setAdding] = useState(false);
  const rows = list.data?.items ?? [];
  const columns = useMemo<readonly Column<Postback>[]>(
    () => [
      { id: 'name', header: t('partner-tools:pb.name'), width: 170, fixed: true, cell: (p) => <bdi>{p.name}</bdi> },
      { id: 'state', header: t('partner-tools:pb.state'), width: 120, card: 'side', cell: (p) => <Chip tone={p.active ? 'good' : 'idle'} label={p.active ? t('partner-tools:pb.on') : t('partner-tools:pb.off')} /> },
      { id: 'host', header: t('partner-tools:pb.host'), width: 200, cell: (p) => <bdi dir="ltr">{hostOf(p.url)}</bdi> },
      { id: 'events', header: t('partner-tools:pb.events'), width: 320, cell: (p) => p.events.map((e) => serverText('partner-tools', `event.${e}`)).join(' · ') },
      { id: 'changed', header: t('partner-tools:pb.changed'), width: 150, cell: (p) => <When us={p.changed_at_us} /> },
    ],
    [t],
  );
  const add = (
    <Disabled why={rows.length >= MOST ? t('partner-tools:pb.full', { most: MOST }) : null}>
      <Button onClick={() => setAdding(true)}>{t('partner-tools:pb.add')}</Button>
    </Disabled>
  );
  return (
    <Page title={t('partner:nav.postbacks')} text={t('partner-tools:pb.text')} actions={add}>
      <Stack>
        <DataTable
          id="postbacks"
          inline
          label={t('partner:nav.postbacks')}
          columns={columns}
          rows={rows}
          rowId={(p) => p.id}
          loading={list.isPending}
          error={list.error}
          onRetry={() => void list.refetch()}
          onOpen={(p) => void go({ to: `/postbacks/${p.id}` as never })}
          empty={{ title: t('partner-tools:pb.none'), text: t('partner-tools:pb.noneText') }}
        />
        <Card title={t('partner-tools:door.title')}>
          <Door />
        </Card>
      </Stack>
      <PostbackForm
        opened={adding}
        onClose={() => setAdding(false)}
        onSaved={(id) => {
          setAdding(false);
          void list.refetch();
          void go({ to: `/postbacks/${id}` as never });
        }}
      />
    </Page>
  );
}
