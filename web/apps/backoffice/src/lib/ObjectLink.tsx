import { Anchor } from '@mantine/core';
import { hasText, plain, serverText } from '@qd/i18n';
import { shortId } from '@qd/ui';
import { Link } from '@tanstack/react-router';
import { portal } from '../portal';

/** What something is about, `deposit:dep_…`, as the way to it; what has no screen stands as text. */
export function ObjectLink({ object, label }: { object: string; label?: string | undefined }) {
  const [kind = '', id = ''] = object.split(/[:\s]/);
  const to = id.includes('_') ? portal.addressOf?.(`${kind}:${id}`) : null;
  const what = hasText('office-money', `obj.${kind}`) ? serverText('office-money', `obj.${kind}`) : plain(kind);
  const text = label ?? `${what} ${id ? shortId(id) : ''}`;
  return to ? (
    <Anchor component={Link} to={to as never} inherit>
      <bdi>{text}</bdi>
    </Anchor>
  ) : (
    <bdi>{text}</bdi>
  );
}
