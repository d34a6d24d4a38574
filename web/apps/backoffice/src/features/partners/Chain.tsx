import { Anchor } from '@mantine/core';
import { useApiQuery } from '@qd/api';
import { IconChevronRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';

/** The way from the top of the tree down to a partner, each above it asked for in turn. */
export function Chain({ id, last }: { id: string; /** The partner the chain ends at stands as text. */ last?: boolean }) {
  const file = useApiQuery('/api/v1/partners/{id}', { path: { id } }, { live: 'off' });
  const f = file.data;
  const parent = f?.tree.find((e) => e.to_at_us === null)?.parent;
  return (
    <>
      {parent && (
        <>
          <Chain id={parent} />
          <IconChevronRight size={14} aria-hidden style={{ verticalAlign: '-2px' }} />{' '}
        </>
      )}
      {last ? (
        <strong><bdi>{f?.partner.name ?? '…'}</bdi></strong>
      ) : (
        <Anchor component={Link} to={`/partners/${id}` as never} inherit><bdi>{f?.partner.name ?? '…'}</bdi></Anchor>
      )}
    </>
  );
}

/** A partner's name for a place where only the id is known. */
export function PartnerName({ id, link = true }: { id: string; link?: boolean }) {
  const file = useApiQuery('/api/v1/partners/{id}', id.startsWith('par_') ? { path: { id } } : null, { live: 'off' });
  const name = <bdi>{file.data?.partner.name ?? (id.startsWith('par_') ? '…' : id)}</bdi>;
  return link && id.startsWith('par_') ? <Anchor component={Link} to={`/partners/${id}` as never} inherit>{name}</Anchor> : name;
}
