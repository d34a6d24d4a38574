import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

/** A way to another screen, in running text. */
export const To = ({ to, children }: { to: string; children: ReactNode }) => (
  <Anchor component={Link} to={to as never} inherit>
    {children}
  </Anchor>
);
