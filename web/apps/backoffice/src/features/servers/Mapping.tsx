import { Button } from '@mantine/core';
import { useApiQuery, useCursorPages, useWrite, type Row } from '@qd/api';
import { list as listText, number, useTranslation } from '@qd/i18n';
import { Chip, DataTable, errorText, FilterBar, Notice, ReasonDialog, say, toneOf, useFilters, usePeek, Value, When, type Column, type Filter } from '@qd/ui';
import { useCan } from '@qd/ui/app';
import { useEffect, useMemo, useState } from 'react';
import { ClientLink, useNames } from '../../lib/names';
import { MappingPeek } from './MappingPeek';

type Login = Row<'/api/v1/trading/mapping'>;

const STATES = ['proposed', 'conflict', 'stranger', 'accepted', 'refused'] as const;
export const undecided = (m: Pick<Login, 'state'>) => m.state !== 'accepted' && m.state !== 'refused';

/** Logins that were on the server before us: whose they may be and why; accepted and refused many at once. */
export function Mapping({ server, paused }: { server: string; paused: boolean }) {
  const { t, i18n } = useTranslation('office-servers');
  const lang = i18n.language;
  const may = useCan('connections.manage');
  const filters = useMemo<readonly Filter[]>(() => [{ kind: 'choice', name: 'state', label: t('state'), pinned: true, options: STATES.map((value) => ({ value, label: t(`mappingState.${value}`) })) }], [t]);
  const { values, active, reset } = useFilters(filters);
  const list = useCursorPages('/api/v1/trading/mapping', { query: { server, state: STATES.find((s) => s === values.state), limit: 100 } });
  const search = useWrite('post', '/api/v1/trading/servers/{id}/mapping');
  const decide = useWrite('post', '/api/v1/trading/mapping/decide');
  const [run, setRun] = useState<string | null>(null);
  const [asked, setAsked] = useState<{ how: 'accept' | 'refuse'; ids: readonly string[]; clear: () => void } | null>(null);
  const state = useApiQuery('/api/v1/trading/mapping/runs/{id}', run ? { path: { id: run } } : null, { refetchInterval: run ? 2_000 : false });
  const done = state.data && state.data.state !== 'waiting' ? state.data : null;
  const { refetch } = list;
  useEffect(() => {
    if (done) void refetch();
  }, [done, refetch]);
  const name = useNames(useMemo(() => list.rows.map((m) => m.client_id), [list.rows]));
  const ids = useMemo(() => list.rows.map((m) => m.id), [list.rows]);
  const peek = usePeek(ids);
  const columns = useMemo<readonly Column<Login>[]>(
    () => [
      { id: 'login', header: t('login'), width: 120, fixed: true, cell: (m) => <bdi dir="ltr">{m.login}</bdi> },
      { id: 'state', header: t('state'), width: 150, card: 'side', cell: (m) => <Chip tone={toneOf('login_mapping', m.state)} label={t(`mappingState.${m.state}`)} /> },
      { id: 'name', header: t('holder'), width: 180, cell: (m) => <bdi dir="auto"><Value>{m.name || null}</Value></bdi> },
      { id: 'client', header: t('proposed'), width: 180, cell: (m) => <ClientLink id={m.client_id} name={name(m.client_id)} /> },
      { id: 'score', header: t('score'), width: 110, align: 'number', cell: (m) => (m.candidates.length === 0 ? <span className="qd-muted">–</span> : t('ofHundred', { score: number(lang, m.score) })) },
      { id: 'why', header: t('why'), width: 260, cell: (m) => (m.conflict ? <Chip size="sm" tone="warn" label={t(`conflict.${m.conflict}`)} /> : m.candidates[0] ? listText(lang, m.candidates[0].reasons.map((r) => t(`reason.${r}`))) : <span className="qd-muted">{t('nobodyFits')}</span>) },
      { id: 'email', header: t('email'), width: 220, cell: (m) => <bdi dir="ltr"><Value>{m.email || null}</Value></bdi> },
      { id: 'phone', header: t('phone'), width: 150, cell: (m) => <bdi dir="ltr"><Value>{m.phone || null}</Value></bdi> },
      { id: 'group', header: t('group'), width: 200, cell: (m) => <bdi dir="ltr" className="qd-mono">{m.group}</bdi> },
      { id: 'currency', header: t('currency'), width: 100, cell: (m) => m.currency },
      { id: 'decided', header: t('decided'), width: 150, cell: (m) => <When us={m.decided_at_us} /> },
    ],
    [t, lang, name],
  );
  const picked = asked ? list.rows.filter((m) => asked.ids.includes(m.id) && undecided(m)) : [];
  // Only what has one clear proposal can be accepted without a look at the candidates.
  const takes = asked?.how === 'accept' ? picked.filter((m) => m.state === 'proposed' && m.client_id) : picked;
  const left = (asked?.ids.length ?? 0) - takes.length;
  return (
    <>
      {search.error ? <Notice tone="bad">{errorText(search.error)}</Notice> : null}
      {run && !done && <Notice>{t('searching')}</Notice>}
      {done?.state === 'failed' && <Notice tone="bad" title={t('runFailed')}><bdi dir="auto">{done.error}</bdi></Notice>}
      {done?.state === 'done' && <Notice tone="good">{t('found', { logins: number(lang, done.logins), proposed: number(lang, done.proposed), conflicts: number(lang, done.conflicts), strangers: number(lang, done.strangers) })}</Notice>}
      <DataTable
        id="login-mapping"
        label={t('tab.mapping')}
        columns={columns}
        rows={list.rows}
        rowId={(m) => m.id}
        loading={list.isPending}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={list.more}
        hasMore={list.hasMore}
        loadingMore={list.loadingMore}
        onOpen={(m) => peek.open(m.id)}
        opened={peek.id}
        filtered={active}
        onResetFilters={reset}
        empty={{ title: t('noMapping'), text: t('noMappingText') }}
        bulk={
          may
            ? (ticked, clear) => (
                <>
                  <Button size="compact-sm" onClick={() => setAsked({ how: 'accept', ids: ticked, clear })}>{t('accept')}</Button>
                  <Button size="compact-sm" variant="default" onClick={() => setAsked({ how: 'refuse', ids: ticked, clear })}>{t('refuse')}</Button>
                </>
              )
            : undefined
        }
        toolbar={
          <FilterBar
            filters={filters}
            after={
              may && !paused ? (
                <Button size="compact-sm" variant="default" loading={search.busy || (!!run && !done)} onClick={() => void search.run({ path: { id: server } }).then((r) => setRun(r.id), () => undefined)}>
                  {t('searchOwners')}
                </Button>
              ) : undefined
            }
          />
        }
      />
      <MappingPeek of={list.rows.find((m) => m.id === peek.id)} onClose={peek.close} onPrevious={peek.previous} onNext={peek.next} onDone={() => void list.refetch()} />
      <ReasonDialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={asked?.how === 'refuse' ? t('refuse') : t('accept')}
        text={
          <>
            <p style={{ margin: 0 }}>{t(asked?.how === 'refuse' ? 'willRefuse' : 'willAccept', { count: takes.length })}</p>
            {left > 0 && <p className="qd-muted" style={{ margin: 0 }}>{t('leftOut', { count: left })}</p>}
          </>
        }
        confirm={asked?.how === 'refuse' ? t('refuse') : t('accept')}
        busy={decide.busy}
        error={decide.error}
        onConfirm={async ({ note }) => {
          if (!asked || takes.length === 0) return;
          const chosen = takes.map((m) => m.id);
          try {
            const answer = await decide.run({ body: asked.how === 'accept' ? { accept: chosen.map((id) => ({ id })), refuse: [], reason: note } : { accept: [], refuse: chosen, reason: note } });
            asked.clear();
            setAsked(null);
            say(asked.how === 'accept' ? t('acceptedMany', { count: answer.accepted.length }) : t('refusedMany', { count: answer.refused }));
            void list.refetch();
          } catch {
            // Shown in the dialog; nothing was decided.
          }
        }}
      />
    </>
  );
}
