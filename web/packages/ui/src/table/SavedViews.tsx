import { Button, Checkbox, Menu, NativeSelect, TextInput, UnstyledButton } from '@mantine/core';
import { can, useApiQuery, useMe, useWrite, type Row } from '@qd/api';
import { serverText, useTranslation } from '@qd/i18n';
import { IconBookmarkPlus, IconChevronDown, IconTrash, IconUsersGroup } from '@tabler/icons-react';
import { useState } from 'react';
import { fieldText } from '../form/form';
import { say } from '../form/undo';
import { Dialog } from '../overlay/Dialog';
import { errorText } from '../state/ErrorState';
import { Notice } from '../state/Notice';
import { searchCodec, useSearchState, type SearchState } from './useSearchState';
import classes from './SavedViews.module.css';

type View = Row<'/api/v1/views'>;

/** Parts of the address that are no filter of the list. */
const transient = ['peek', 'tab', 'view'];

export interface SavedViewsProps {
  list: View['list'];
  /** Columns shown, to be kept with a view. */
  columns?: readonly string[];
}

const tidy = (search: SearchState) => {
  const kept = Object.entries(search).filter(([key, value]) => value && !transient.includes(key));
  kept.sort(([a], [b]) => (a < b ? -1 : 1));
  return searchCodec.stringifySearch(Object.fromEntries(kept)).replace('?', '');
};

/** Filters with a name: one's own and the team's, kept on the server, with how much each one holds. */
export function SavedViews({ list, columns = [] }: SavedViewsProps) {
  const { t } = useTranslation('common');
  const [search, set] = useSearchState();
  const [saving, setSaving] = useState(false);
  const views = useApiQuery('/api/v1/views', { query: { list } });
  const counts = useApiQuery('/api/v1/views/counts', { query: { list } }, { staleTime: 60_000 });
  const remove = useWrite('delete', '/api/v1/views/{id}', { onDone: () => void views.refetch() });
  const items = views.data?.items ?? [];
  const now = tidy(search);
  const open = (query: string) => {
    const next = searchCodec.parseSearch(query);
    set({ ...Object.fromEntries(Object.keys(search).map((key) => [key, null])), ...next });
  };
  const current = items.find((view) => tidy(searchCodec.parseSearch(view.query)) === now);
  const countOf = (id: string) => {
    const found = counts.data?.items.find((each) => each.id === id);
    return found?.count === null || found?.count === undefined ? null : `${found.count}${found.more ? '+' : ''}`;
  };
  return (
    <div className={classes.views} role="group" aria-label={t('views.title')}>
      <UnstyledButton className={classes.view} aria-pressed={now === ''} onClick={() => open('')}>
        {t('views.all')}
      </UnstyledButton>
      {items.map((view) => (
        <span key={view.id} className={classes.one}>
          <UnstyledButton className={classes.view} aria-pressed={view === current} onClick={() => open(view.query)}>
            {view.team && <IconUsersGroup size={14} aria-label={t('views.of_team')} />}
            <bdi>{view.name}</bdi>
            {countOf(view.id) && <span className={classes.count}>{countOf(view.id)}</span>}
          </UnstyledButton>
          {view === current && view.may_change && (
            <Menu>
              <Menu.Target>
                <UnstyledButton className={classes.more} aria-label={t('views.change', { name: view.name })}>
                  <IconChevronDown size={14} aria-hidden />
                </UnstyledButton>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconTrash size={15} aria-hidden />} onClick={() => remove.submit({ path: { id: view.id } })}>
                  {t('views.remove')}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </span>
      ))}
      {now !== '' && !current && (
        <Button size="compact-sm" variant="subtle" leftSection={<IconBookmarkPlus size={15} aria-hidden />} onClick={() => setSaving(true)}>
          {t('views.save')}
        </Button>
      )}
      {saving && <SaveDialog list={list} query={now} columns={columns} onClose={() => setSaving(false)} onSaved={() => void views.refetch()} />}
    </div>
  );
}

interface SaveProps extends SavedViewsProps {
  query: string;
  onClose: () => void;
  onSaved: () => void;
}

function SaveDialog({ list, query, columns = [], onClose, onSaved }: SaveProps) {
  const { t } = useTranslation('common');
  const me = useMe().data;
  const [name, setName] = useState('');
  const [team, setTeam] = useState('');
  const [isDefault, setDefault] = useState(false);
  const [tried, setTried] = useState(false);
  const save = useWrite('post', '/api/v1/views', {
    onDone: () => {
      say(t('saved'));
      onSaved();
      onClose();
    },
  });
  const teams = [
    { value: '', label: t('views.mine') },
    ...(me?.desk ? [{ value: `desk:${me.desk}`, label: t('views.desk') }] : []),
    ...(me?.roles ?? []).map((role) => ({ value: `role:${role}`, label: serverText('status', `role.${role}`) })),
  ];
  const send = () => {
    setTried(true);
    if (name.trim()) save.submit({ body: { list, query, columns: [...columns], name: name.trim(), team: team || null, is_default: isDefault } });
  };
  return (
    <Dialog
      opened
      onClose={onClose}
      title={t('views.save')}
      size="sm"
      locked={save.busy}
      footer={
        <>
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button onClick={send} loading={save.busy}>
            {t('save')}
          </Button>
        </>
      }
    >
      <TextInput label={t('views.name')} value={name} onChange={(e) => setName(e.currentTarget.value)} onKeyDown={(e) => e.key === 'Enter' && send()} data-autofocus required error={tried && !name.trim() && fieldText('missing')} maxLength={60} dir="auto" />
      {can(me, 'views.share') && <NativeSelect label={t('views.for')} data={teams} value={team} onChange={(e) => setTeam(e.currentTarget.value)} />}
      <Checkbox label={t('views.default')} checked={isDefault} onChange={(e) => setDefault(e.currentTarget.checked)} />
      {save.error && <Notice tone="bad">{errorText(save.error)}</Notice>}
    </Dialog>
  );
}
