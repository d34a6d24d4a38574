import { i18next } from '@qd/i18n';
import { useApiQuery, useCursorPages, type components, type Row } from '@qd/api';
import type { SearchState } from '@qd/ui';

type Schemas = components['schemas'];
export type QueueRow = Row<'/api/v1/kyc/queue'>;
export type Case = Schemas['KycCaseFile'];
export type Doc = Schemas['KycDocument'];

const pick = <T extends string>(words: readonly T[], value: string | undefined) => words.find((w) => w === value);
export const LEVELS = ['standard', 'enhanced'] as const;
export const BANDS = ['low', 'medium', 'high'] as const;
export const WAITING = ['submitted', 'in_review', 'resubmission', 'approved', 'rejected', 'expired'] as const;

/** The address's words as the API's parameters. */
export function queueQuery(filters: SearchState) {
  return {
    state: pick(WAITING, filters.state),
    level: pick(LEVELS, filters.level),
    band: pick(BANDS, filters.band),
    owner: filters.owner,
    entity: filters.entity,
    country: filters.country?.toUpperCase(),
    overdue: filters.overdue === 'true' ? true : undefined,
  };
}

export function useQueue(filters: SearchState) {
  return useCursorPages('/api/v1/kyc/queue', { query: { ...queueQuery(filters), limit: 50 } });
}

export function useCase(id: string) {
  return useApiQuery('/api/v1/kyc/{id}', { path: { id } }, { live: 'mark' });
}

/** Why a person looks at a case. Rules bring words of their own; those nobody translated stand as plain words. */
export function reasonText(code: string): string {
  const key = `office-kyc:reason.${code}`;
  if (i18next.exists(key)) return i18next.t(key as never) as unknown as string;
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
