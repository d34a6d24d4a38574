import { Tabs } from '@mantine/core';
import { useSearchState } from '@qd/ui';

interface Props {
  label: string;
  /** `null` is the tab without a word in the address. */
  tabs: readonly { value: string | null; label: string }[];
  /** Filters that mean nothing on another tab. */
  clears?: readonly string[];
  name?: string;
}

const FIRST = 'first';

/** Which part of a list is shown; the choice is in the address. */
export function ListTabs({ label, tabs, clears = [], name = 'tab' }: Props) {
  const [search, set] = useSearchState();
  return (
    <Tabs value={search[name] ?? FIRST} onChange={(value) => set({ [name]: value === FIRST ? null : value, peek: null, ...Object.fromEntries(clears.map((c) => [c, null])) })}>
      <Tabs.List aria-label={label}>
        {tabs.map((tab) => (
          <Tabs.Tab key={tab.value ?? FIRST} value={tab.value ?? FIRST} aria-controls={undefined}>
            {tab.label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
}
