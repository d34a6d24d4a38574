import { Anchor } from '@mantine/core';
import { useTranslation } from '@qd/i18n';
import { moneyText, shortId } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { usePlaceText } from '../../lib/Account';
import { useOperations } from '../../lib/queries';

const pages: Record<string, { page: string; kind: 'deposit' | 'withdrawal' | 'transfer' | 'account' }> = {
  dep: { page: '/deposits', kind: 'deposit' },
  wdr: { page: '/withdrawals', kind: 'withdrawal' },
  trf: { page: '/transfers', kind: 'transfer' },
  tacc: { page: '/accounts', kind: 'account' },
};

/** `deposit:dep_…` or `dep_…` -> the bare id. */
export const idIn = (about: string): string => about.split(':').pop() ?? about;

/** The record a ticket is about, as a link to it. */
export function About({ about }: { about: string }) {
  const { t, i18n } = useTranslation(['trader-care', 'trader']);
  const operations = useOperations(true);
  const place = usePlaceText();
  const id = idIn(about);
  const found = pages[id.split('_')[0] ?? ''];
  if (!found) return null;
  const operation = operations.rows.find((o) => o.id === id);
  const name = operation ? moneyText(i18n.language, operation.amount) : shortId(id);
  const text = found.kind === 'account' ? place(id) : t('trader-care:support.about_one', { what: t(`trader:op.${found.kind}`), id: name });
  return (
    <Anchor component={Link} to={`${found.page}/${id}`} size="sm">
      {text}
    </Anchor>
  );
}
