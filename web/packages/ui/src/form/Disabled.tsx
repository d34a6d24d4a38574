import { Tooltip } from '@mantine/core';
import { cloneElement, useId, type ReactElement } from 'react';

interface Props {
  /** Why it is not possible, and who can; nothing: it is possible. */
  why: string | null | undefined | false;
  children: ReactElement<Record<string, unknown>>;
}

/**
 * A control that is off never stays mute: it keeps the focus, says why on hover, focus and to screen
 * readers, and does nothing when pressed.
 */
export function Disabled({ why, children }: Props) {
  const id = useId();
  if (!why) return children;
  return (
    <>
      <Tooltip label={why}>
        {cloneElement(children, {
          'aria-disabled': true,
          'aria-describedby': id,
          'data-disabled': true,
          onClick: (event: React.MouseEvent) => event.preventDefault(),
          type: 'button',
        })}
      </Tooltip>
      <span id={id} className="qd-hidden">
        {why}
      </span>
    </>
  );
}
