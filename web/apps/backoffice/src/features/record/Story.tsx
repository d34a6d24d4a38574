import { Button, MultiSelect, Skeleton, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useCursorPages } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, moneyText, statusText, Timeline, useSearchState, type StatusKind } from '@qd/ui';
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

const kinds = ['lead', 'stage', 'call', 'note', 'mail', 'message', 'task', 'kyc', 'account', 'deposit', 'withdrawal', 'transfer', 'deal', 'partner', 'ticket', 'restriction', 'sign_in', 'profile'];

// Words for what a line's data names by key: `state` of a deposit, the `outcome` of a call.
const worded: Record<string, Record<string, StatusKind>> = {
  deposit: { state: 'deposit' },
  withdrawal: { state: 'withdrawal' },
  transfer: { state: 'transfer' },
  stage: { from: 'stage', to: 'stage' },
  call: { outcome: 'call', direction: 'direction' as StatusKind },
  restriction: { kind: 'restriction' },
};

/** A line's data as the reader's language writes it: amounts, states, kinds. */
function fill(lang: string, kind: string, data: unknown): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries((data ?? {}) as Record<string, unknown>)) {
    const words = worded[kind]?.[key];
    if (value && typeof value === 'object' && 'minor' in value && 'currency' in value) out[key] = moneyText(lang, value as never);
    else if (words && typeof value === 'string') out[key] = statusText(words, value);
    else if (key === 'cause' && typeof value === 'string') out[key] = plain(value.replaceAll('.', ' ')).toLowerCase();
    else out[key] = value ?? '';
  }
  return out;
}

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
        const known = hasText('shared', line.title_key);
        const data = (line.data ?? {}) as Record<string, unknown>;
        const body = typeof data.body === 'string' ? data.body : typeof data.text === 'string' ? data.text : typeof data.reason === 'string' ? data.reason : null;
        return {
          id: line.id,
          at_us: line.at_us,
          title: known ? serverText('shared', line.title_key, fill(i18n.language, line.kind, line.data)) : plain(line.title_key.replace(/^timeline\./, '').replaceAll('.', ' ')),
          body: body ? <span dir="auto">{body}</span> : null,
          icon: <Icon size={15} aria-hidden />,
          by: actorText(line.by),
        };
      }),
    [lines.rows, i18n.language],
  );
  return (
    <Card>
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
