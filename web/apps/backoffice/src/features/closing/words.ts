import { dateFormat, hasText, plain, serverText } from '@qd/i18n';
import { useSession } from '@qd/ui/app';

const word = (part: string, code: string): string => (hasText('office-engine', `${part}.${code}`) ? serverText('office-engine', `${part}.${code}`) : plain(code));
/** What a month's checklist looks at. */
export const itemText = (code: string): string => word('item', code);
export const itemNote = (code: string): string | undefined => (hasText('office-engine', `itemNote.${code}`) ? serverText('office-engine', `itemNote.${code}`) : undefined);
/** Why a partner is not paid now. */
export const whyNot = (code: string): string => word('whyNot', code);
/** `2026-03` as people say it. */
export const monthText = (lang: string, month: string): string => dateFormat(lang, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${month}-15T00:00:00Z`));

/** Where the back office shows what an item counts. */
export const itemLink: Record<string, string> = {
  trades_unexplained: '/commission',
  deals_stopped: '/exceptions?kind=commission.stopped',
  rates_missing: '/exceptions?kind=commission.stopped',
  ledger_differs: '/partners',
  sums_differ: '/partners',
  shares_held: '/partners',
  corrections_open: '/corrections',
};

/** The entities this person may enter. */
export function useEntities(): string[] {
  const { me, boot } = useSession();
  return [...new Set([...me.entities.filter((e) => e !== '*'), boot?.entity.code ?? ''])].filter(Boolean);
}
