/** What a connection's last answers say. A later error outweighs an earlier success. */
export function healthOf(c: { enabled: boolean; last_ok_at_us?: number | null | undefined; last_error_at_us?: number | null | undefined }): 'up' | 'down' | 'unknown' {
  if (!c.enabled) return 'unknown';
  const ok = c.last_ok_at_us ?? 0;
  const bad = c.last_error_at_us ?? 0;
  if (!ok && !bad) return 'unknown';
  return bad > ok ? 'down' : 'up';
}
