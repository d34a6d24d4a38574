import { Button, MultiSelect, Skeleton, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useCursorPages } from '@qd/api';
import { useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, Timeline, useSearchState } from '@qd/ui';
import {
  IconAlertTriangle,
  IconArrowDownLeft,
  IconArrowsExchange,
  IconArrowUpRight,
  IconChartCandle,
  IconChecklist,
  IconFlag,
  IconId,
  IconLock,
  IconMail,
  IconMessage,
  IconMessages,
  IconNote,
  IconPhone,
  IconPoint,
  IconUsersGroup,
} from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import classes from './record.module.css';
import { actorText } from '../../lib/actor';
import { lineBody, lineTitle } from './lines';

const kinds = ['lead', 'stage', 'call', 'note', 'mail', 'message', 'task', 'kyc', 'account', 'deposit', 'withdrawal', 'transfer', 'deal', 'partner', 'ticket', 'restriction', 'sign_in', 'profile'];

const icons: Record<string, typeof IconMail> = {
  mail: IconMail,
  message: IconMessage,
  call: IconPhone,
  note: IconNote,
  aml_note: IconNote,
  task: IconChecklist,
  kyc: IconId,
  account: IconChartCandle,
  deposit: IconArrowDownLeft,
  withdrawal: IconArrowUpRight,
  transfer: IconArrowsExchange,
  dispute: IconAlertTriangle,
  restriction: IconLock,
  ticket: IconMessages,
  partner: IconUsersGroup,
  stage: IconFlag,
};

/** One life in order: money, verification, calls, mails, tickets, sign-ins, what staff did. */
export function Story({ id }: { id: string }) {
  const { t, i18n } = useTranslation('office-record');
  const [search, set] = useSearchState();
  const [text, setText] = useState(search.text ?? '');
  const [words] = useDebouncedValue(text, 300);
  const lines = useCursorPages('/api/v1/clients/{id}/timeline', { path: { id }, query: { limit: 50, kinds: search.kinds, text: words || undefined } });
  const items = useMemo(
    () =>
      lines.rows.map((line) => {
        const Icon = icons[line.kind] ?? IconPoint;
        const body = lineBody(line);
        return {
          id: line.id,
          at_us: line.at_us,
          title: lineTitle(i18n.language, line),
          body: body ? <span dir="auto">{body}</span> : null,
          icon: <Icon size={15} aria-hidden />,
          by: actorText(line.by),
        };
      }),
    [lines.rows, i18n.language],
  );
  return (
    <Card title={t('tab.story')}>
      <Stack>
        <div className={classes.filters}>
          <MultiSelect
            aria-label={t('story.kinds')}
            placeholder={search.kinds ? undefined : t('story.kinds')}
            clearable
            data={kinds.map((value) => ({ value, label: t(`story.kind.${value}` as never) as string }))}
            value={search.kinds ? search.kinds.split(',') : []}
            onChange={(v) => set({ kinds: v.length ? v.join(',') : null })}
          />
          <TextInput aria-label={t('story.search')} placeholder={t('story.search')} value={text} onChange={(e) => setText(e.currentTarget.value)} />
        </div>
        {lines.error && lines.rows.length === 0 ? (
          <ErrorState error={lines.error} onRetry={() => void lines.refetch()} />
        ) : lines.isPending ? (
          <Skeleton height={240} />
        ) : items.length === 0 ? (
          <EmptyState title={t('story.none')} />
        ) : (
          <Timeline items={items} marked={location.hash.slice(1) || undefined} after={lines.hasMore ? <Button variant="default" loading={lines.loadingMore} onClick={() => lines.more()}>{t('story.more')}</Button> : undefined} />
        )}
      </Stack>
    </Card>
  );
}
