import { Button, MultiSelect, Stack, TextInput } from '@mantine/core';
import { useCursorPages, useWrite, type Row, type Schema } from '@qd/api';
import { i18next, plain, useTranslation } from '@qd/i18n';
import { Chip, CopyId, DataTable, Dialog, errorText, Notice, Page, ReasonDialog, say, useNow, When, type Column } from '@qd/ui';
import { useSession } from '@qd/ui/app';
import { useMemo, useState } from 'react';

type Key = Row<'/api/v1/api-keys'>;

function rightText(right: string): string {
  for (const key of [`office-words:right.${right}`, `office-words:right.${right}._`]) {
    if (!i18next.exists(key)) continue;
    const text = i18next.t(key as never) as unknown;
    if (typeof text === 'string') return text;
  }
  return plain(right.replaceAll('.', ' '));
}

/** Keys of other programs: each has some of its maker's rights; its text is shown once. */
export function KeysPage() {
  const { t } = useTranslation('office-house');
  const now = useNow();
  const list = useCursorPages('/api/v1/api-keys', { query: { limit: 50 } });
  const revoke = useWrite('post', '/api/v1/api-keys/{id}/revoke');
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<Key | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const columns = useMemo<readonly Column<Key>[]>(
    () => [
      { id: 'name', header: t('key.name'), width: 220, fixed: true, cell: (k) => <bdi>{k.name}</bdi> },
      { id: 'tail', header: t('key.tail'), width: 110, cell: (k) => <bdi dir="ltr" className="qd-mono">…{k.tail}</bdi> },
      { id: 'state', header: t('rules.field.state'), width: 130, card: 'side', cell: (k) => (k.revoked_at_us ? <Chip tone="bad" label={t('key.revoked')} /> : k.expires_at_us && k.expires_at_us < now * 1000 ? <Chip tone="idle" label={t('key.expired')} /> : <Chip tone="good" label={t('key.active')} />) },
      { id: 'rights', header: t('key.rights'), width: 340, cell: (k) => Object.keys(k.rights).map(rightText).join(' · ') },
      { id: 'entity', header: t('rules.field.entity'), width: 130, cell: (k) => k.entity ?? t('everywhere') },
      { id: 'used', header: t('key.used'), width: 150, cell: (k) => (k.last_used_at_us ? <When us={k.last_used_at_us} /> : t('key.never')) },
      { id: 'made', header: t('key.made'), width: 150, cell: (k) => <When us={k.created_at_us} /> },
      { id: 'end', header: t('key.revoke'), width: 130, cell: (k) => (k.revoked_at_us ? <When us={k.revoked_at_us} /> : <Button size="compact-sm" variant="default" onClick={(e) => { e.stopPropagation(); setEnding(k); }}>{t('key.revoke')}</Button>) },
    ],
    [t, now],
  );
  return (
    <Page title={t('key.title')} text={t('key.text')} fill actions={<Button onClick={() => setAdding(true)}>{t('key.add')}</Button>}>
      <DataTable id="api-keys" label={t('key.title')} columns={columns} rows={list.rows} rowId={(k) => k.id} loading={list.isPending} error={list.error} onRetry={() => void list.refetch()} more={list.more} hasMore={list.hasMore} loadingMore={list.loadingMore} empty={{ title: t('key.none'), text: t('key.noneText') }} />
      <NewKey opened={adding} onClose={() => { setAdding(false); void list.refetch(); }} />
      <ReasonDialog
        opened={ending !== null}
        onClose={() => { setEnding(null); setFailed(null); }}
        title={t('key.revokeTitle', { name: ending?.name ?? '' })}
        text={t('key.revokeText')}
        confirm={t('key.revoke')}
        danger
        busy={revoke.busy}
        error={failed}
        onConfirm={({ note }) => {
          if (!ending) return;
          revoke.run({ path: { id: ending.id }, body: { reason: note } }).then(
            () => { setEnding(null); setFailed(null); say(t('key.gone')); void list.refetch(); },
            (e: unknown) => setFailed(e),
          );
        }}
      />
    </Page>
  );
}

function NewKey({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation(['office-house', 'common']);
  const { me } = useSession();
  const add = useWrite('post', '/api/v1/api-keys');
  const [name, setName] = useState('');
  const [rights, setRights] = useState<string[]>([]);
  const [tried, setTried] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const [made, setMade] = useState<string | null>(null);
  const close = () => { setName(''); setRights([]); setTried(false); setFailed(null); setMade(null); onClose(); };
  const mine = Object.keys(me.rights).filter((r) => !r.startsWith('me.')).sort();
  return (
    <Dialog
      opened={opened}
      onClose={close}
      title={t('key.add')}
      size="lg"
      locked={add.busy}
      footer={
        made ? (
          <Button onClick={close}>{t('key.kept')}</Button>
        ) : (
          <>
            <Button variant="default" onClick={close}>{t('common:cancel')}</Button>
            <Button
              loading={add.busy}
              onClick={() => {
                setTried(true);
                if (!name.trim() || rights.length === 0) return;
                add.run({ body: { name: name.trim(), rights: rights as Schema<'Right'>[] } }).then((k) => { setMade(k.key); setFailed(null); }, (e: unknown) => setFailed(e));
              }}
            >
              {t('key.add')}
            </Button>
          </>
        )
      }
    >
      {made ? (
        <Stack>
          <Notice tone="warn">{t('key.once')}</Notice>
          <CopyId id={made} full />
        </Stack>
      ) : (
        <Stack>
          {failed !== null && <Notice tone="bad">{errorText(failed)}</Notice>}
          <TextInput label={t('key.name')} description={t('key.nameNote')} required dir="auto" value={name} onChange={(e) => setName(e.currentTarget.value)} error={tried && !name.trim() && t('key.nameMissing')} />
          <MultiSelect label={t('key.rights')} description={t('key.rightsNote')} required searchable data={mine.map((value) => ({ value, label: rightText(value) }))} value={rights} onChange={setRights} error={tried && rights.length === 0 && t('key.rightsMissing')} />
        </Stack>
      )}
    </Dialog>
  );
}
