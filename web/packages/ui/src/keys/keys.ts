import { useEffect, useRef, useSyncExternalStore } from 'react';
import { getPrefs } from '../provider/prefs';

export interface Shortcut {
  /** `j`, `?`, `mod+k`, `mod+Enter`, or two keys after each other: `g c`. */
  keys: string;
  /** What it does, for the list under "?". */
  label: string;
  /** Heading in that list. */
  group?: string;
  run: (event: KeyboardEvent) => void;
  /** Also while a field or a dialog has the focus (for combinations with Ctrl or Cmd). */
  anywhere?: boolean;
  enabled?: boolean;
}

const active = new Set<React.RefObject<readonly Shortcut[]>>();
const watchers = new Set<() => void>();
let snapshot: readonly Shortcut[] = [];
let pending = '';
let pendingTimer: ReturnType<typeof setTimeout> | undefined;

function announce() {
  snapshot = [...active].flatMap((ref) => ref.current).filter((s) => s.enabled !== false);
  for (const tell of watchers) tell();
}

/** Typing, pressing a button, or inside a dialog: a single key belongs to that, not to us. */
export function keyIsTaken(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest('input, textarea, select, [contenteditable="true"], [role="dialog"][aria-modal="true"], [role="menu"], [role="listbox"]')) return true;
  const control = target.closest('button, a, summary, [role="tab"], [role="button"]');
  // A row's own opener is where j, k and x are pressed from.
  return control !== null && control.closest('[data-qd-row]') === null;
}

function pressed(event: KeyboardEvent): string {
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push('mod');
  if (event.altKey) parts.push('alt');
  if (event.shiftKey && event.key.length > 1) parts.push('shift');
  parts.push(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  return parts.join('+');
}

function onKey(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing || event.repeat) {
    if (!(event.repeat && /^[jk]$/.test(event.key))) return;
  }
  const key = pressed(event);
  const combined = key.startsWith('mod+') || key.startsWith('alt+');
  if (!combined && !getPrefs().shortcuts) return;
  const taken = keyIsTaken(event.target);
  const sequence = pending ? `${pending} ${key}` : key;
  pending = '';
  // Latest first: a drawer's keys come before the page's.
  const all = [...active].toReversed().flatMap((ref) => ref.current);
  const hit =
    all.find((s) => s.enabled !== false && s.keys === sequence && (s.anywhere || !taken)) ??
    all.find((s) => s.enabled !== false && s.keys === key && (s.anywhere || !taken));
  if (hit) {
    event.preventDefault();
    hit.run(event);
    return;
  }
  if (!taken && all.some((s) => s.keys.startsWith(`${key} `))) {
    pending = key;
    clearTimeout(pendingTimer);
    pendingTimer = setTimeout(() => {
      pending = '';
    }, 1_200);
  }
}

/** Keys of a screen, for as long as it is there. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const ref = useRef(shortcuts);
  ref.current = shortcuts;
  const signature = shortcuts.map((s) => `${s.keys}${s.enabled === false ? '-' : ''}${s.label}`).join('|');
  useEffect(() => {
    if (active.size === 0) document.addEventListener('keydown', onKey);
    active.add(ref);
    announce();
    return () => {
      active.delete(ref);
      if (active.size === 0) document.removeEventListener('keydown', onKey);
      announce();
    };
  }, []);
  useEffect(announce, [signature]);
}

export function useActiveShortcuts(): readonly Shortcut[] {
  return useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => snapshot,
    () => snapshot,
  );
}
