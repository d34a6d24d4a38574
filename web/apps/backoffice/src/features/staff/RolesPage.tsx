import { Skeleton, TextInput } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { i18next, plain, useTranslation } from '@qd/i18n';
import { EmptyState, ErrorState, Page, statusText } from '@qd/ui';
import { IconSearch } from '@tabler/icons-react';
import { Fragment, useMemo, useState } from 'react';
import classes from './roles.module.css';

/** The right's words from the catalogue: `withdrawals.approve` -> "Approve withdrawals". */
function rightText(right: string): string {
  for (const key of [`office-words:right.${right}`, `office-words:right.${right}._`]) {
    if (!i18next.exists(key)) continue;
    const text = i18next.t(key as never) as unknown;
    if (typeof text === 'string') return text;
  }
  return plain(right.replaceAll('.', ' '));
}

/** Who may do what, over whose records, as one table: the same rows as the checked-in matrix. */
export function RolesPage() {
  const { t } = useTranslation('office-staff');
  const matrix = useApiQuery('/api/v1/roles', {});
  const [word, setWord] = useState('');
  const data = matrix.data;
  const roles = useMemo(() => (data?.items ?? []).filter((r) => r.role !== 'client' && r.role !== 'public'), [data]);
  const groups = useMemo(() => {
    const out = new Map<string, string[]>();
    for (const right of data?.rights ?? []) {
      if (right === 'public' || right.startsWith('me.')) continue;
      if (word && !`${right} ${rightText(right)}`.toLowerCase().includes(word.toLowerCase())) continue;
      const noun = right.split('.')[0] ?? right;
      out.set(noun, [...(out.get(noun) ?? []), right]);
    }
    return [...out.entries()];
  }, [data, word]);
  return (
    <Page title={t('roles.title')} text={t('roles.text')}>
      {matrix.error && !data ? (
        <ErrorState error={matrix.error} onRetry={() => void matrix.refetch()} />
      ) : !data ? (
        <Skeleton height={400} />
      ) : (
        <>
          <TextInput
            className={classes.search}
            aria-label={t('roles.search')}
            placeholder={t('roles.search')}
            leftSection={<IconSearch size={16} aria-hidden />}
            value={word}
            onChange={(e) => setWord(e.currentTarget.value)}
          />
          {groups.length === 0 ? (
            <EmptyState title={t('roles.none')} />
          ) : (
            <div className={classes.wrap} tabIndex={0} role="region" aria-label={t('roles.title')}>
              <table className={classes.matrix}>
                <thead>
                  <tr>
                    <th scope="col">{t('roles.right')}</th>
                    {roles.map((r) => (
                      <th key={r.role} scope="col">
                        {statusText('role', r.role)}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {groups.map(([noun, rights]) => (
                    <Fragment key={noun}>
                      {rights.map((right) => (
                        <tr key={right}>
                          <th scope="row">
                            <span title={right}>{rightText(right)}</span>
                          </th>
                          {roles.map((r) => {
                            const scope = (r.rights as Record<string, string>)[right];
                            return (
                              <td key={r.role} data-scope={scope ?? 'no'}>
                                {scope ? statusText('scope', scope) : <span aria-label={t('roles.no')}>–</span>}
                              </td>
                            );
                          })}
                        </tr>
                      ))}
                    </Fragment>
                  ))}
                  {!word && (
                    <>
                      <tr>
                        <th scope="colgroup" colSpan={roles.length + 1} className={classes.part}>
                          {t('roles.sees')}
                        </th>
                      </tr>
                      {data.masks.map((mask) => (
                        <tr key={mask}>
                          <th scope="row">{statusText('mask', mask)}</th>
                          {roles.map((r) => (
                            <td key={r.role} data-scope={r.sees.includes(mask) ? 'all' : 'no'}>
                              {r.sees.includes(mask) ? t('yes') : <span aria-label={t('roles.covered')}>•••</span>}
                            </td>
                          ))}
                        </tr>
                      ))}
                    </>
                  )}
                </tbody>
              </table>
            </div>
          )}
        </>
      )}
    </Page>
  );
}
