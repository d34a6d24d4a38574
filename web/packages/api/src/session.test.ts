import { describe, expect, it } from 'vitest';
import { safeNext, signInAddress } from './session';

describe('the way back after signing in', () => {
  it('leads to our own pages only', () => {
    expect(safeNext('/deposits/dep_1?tab=steps#top')).toBe('/deposits/dep_1?tab=steps#top');
    for (const bad of ['https://evil.example', '//evil.example', '/\\evil.example', '/a\\b', 'deposits', '', '/\n/evil', 'javascript:alert(1)']) {
      expect(safeNext(bad), bad).toBeNull();
    }
  });

  it('never leads back to the door', () => {
    for (const door of ['/sign-in', '/office/sign-in?next=%2F', '/register', '/reset?token=x']) expect(safeNext(door)).toBeNull();
    expect(safeNext('/invitees')).toBe('/invitees');
  });

  it('starts at the door of the portal one came from', () => {
    expect(signInAddress('/office/clients', '/office/clients?stage=lead')).toBe('/office/sign-in?next=%2Foffice%2Fclients%3Fstage%3Dlead');
    expect(signInAddress('/', '/')).toBe('/sign-in');
    expect(signInAddress('/officer')).toBe('/sign-in');
  });
});
