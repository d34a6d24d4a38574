import { Button, MultiSelect, Skeleton, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useCursorPages } from '@qd/api';
import { hasText, plain, serverText, useTranslation } from '@qd/i18n';
import { Card, EmptyState, ErrorState, moneyText, Timeline, useSearchState } from '@qd/ui';
import { useMemo } from 'react';
import { useState } from 'react';

const kinds = ['lead', 'stage', 'call', 'note', 'mail', 'message', 'task', 'kyc', 'account', 'deposit', 'withdrawal', 'transfer', 'deal', 'partner', 'ticket', 'restriction', 'sign_in', 'profile'];

/** Amounts in a line's data become text as the reader's language writes them. */
function fill(lang: string, data: unknown): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries((data ?? {}) as Record<string, unknown>)) {
    if (value && typeof value === 'object' && 'minor' in value && 'currency' in value) out[key] = moneyText(lang, value as never);
    else out[key] = value ?? '';
  }
  return out;
}

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
        const known = hasText('shared', line.title_key);
        const data = (line.data ?? {}) as Record<string, unknown>;
        const body = typeof data.body === 'string' ? data.body : typeof data.text === 'string' ? data.text : typeof data.reason === 'string' ? data.reason : null;
        return {
          id: line.id,
          at_us: line.at_us,
          title: known ? serverText('shared', line.title_key, fill(i18n.language, line.data)) : plain(line.title_key.replace(/^timeline\./, '').replaceAll('.', ' ')),
          body: body ? <span dir="auto">{body}</span> : null,
          by: line.by,
        };
      }),
    [lines.rows, i18n.language],
  );
  return (
    <Card>
      <Stack>
        <Stack gap="xs">
          <MultiSelect
            aria-label={t('story.kinds')}
            placeholder={search.kinds ? undefined : t('story.kinds')}
            clearable
            data={kinds.map((value) => ({ value, label: t(`story.kind.${value}` as never) as string }))}
            value={search.kinds ? search.kinds.split(',') : []}
            onChange={(v) => set({ kinds: v.length ? v.join(',') : null })}
          />
          <TextInput aria-label={t('story.search')} placeholder={t('story.search')} value={text} onChange={(e) => setText(e.currentTarget.value)} />
        </Stack>
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
