import { Anchor } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { shortId } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';

type Id = string | null | undefined;

/** Names of clients, colleagues and trading accounts, asked for together: ids are nobody's main text. */
export function useNames(ids: readonly Id[]): (id: Id) => string | undefined {
  const wanted = [...new Set(ids.filter((id): id is string => !!id && /^(cli|stf|tacc)_/.test(id)))].sort().slice(0, 200).join(',');
  const found = useApiQuery('/api/v1/names', wanted ? { query: { ids: wanted } } : null, { live: 'off' });
  return useMemo(() => {
    const names = new Map(found.data?.items.map((n) => [n.id, n.name]));
    return (id: Id) => (id ? names.get(id) : undefined);
  }, [found.data]);
}

/** Somebody or something by name; the id alone only while there is no name for it. */
export function Named({ id, name }: { id: Id; name: string | undefined }) {
  if (!id) return <span className="qd-muted">–</span>;
  return name ? <bdi>{name}</bdi> : <ShortId id={id} />;
}

/** The way to the client whose record it is. */
export function ClientLink({ id, name }: { id: Id; name: string | undefined }) {
  if (!id) return <span className="qd-muted">–</span>;
  return (
    <Anchor component={Link} to={`/clients/${id}` as never} inherit>
      {name ? <bdi>{name}</bdi> : <ShortId id={id} />}
    </Anchor>
  );
}

const ShortId = ({ id }: { id: string }) => (
  <bdi dir="ltr" className="qd-mono">
    {shortId(id)}
  </bdi>
);
